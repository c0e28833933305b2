package cloudflare

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// raised is the change of a zone's minimum from 1.0 to 1.2.
func raised(id string) plan.Change {
	c := settingChange(id)
	c.Action, c.Edits = plan.Update, []plan.Edit{{Setting: id, From: `"1.0"`, To: `"1.2"`}}
	return *c
}

// broken panics a second after a request came.
type broken struct{ direct }

func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	panic("a bug")
}

// A bug during the request that goes alone does not keep those that wait for its
// answer for ever.
func TestAPanicHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(newFake())
		o.Transport = broken{}
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version"), raised("http2")}}, writer(t, o), apply.Options{Concurrency: 2})
		if r.Tally.Failed != 2 || r.Stopped != "" {
			t.Errorf("%+v, %s", r.Tally, r.Stopped)
		}
	})
}
