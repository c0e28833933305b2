package cloudflare

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// shop is a zone with writable custom hostnames. It records when it last showed
// each of them.
type shop struct {
	mu    sync.Mutex
	paged paged
	shown []time.Time
	// latest is the longest time between the reading of a hostname and its
	// write.
	latest time.Duration
}

func newShop(n int) *shop {
	return &shop{paged: paged{items: manyHostnames(n)}, shown: make([]time.Time, n)}
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if r.PathValue("id") == "" {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
		for i := (page - 1) * size; i < min(page*size, len(s.shown)); i++ {
			s.shown[i] = now
		}
		s.paged.ServeHTTP(w, r)
		return
	}
	i, _ := strconv.Atoi(r.PathValue("id")[len("00000000-0000-4000-8000-"):])
	if r.Header.Get(sendBefore) != "" {
		write(w, 400, failure)
		return
	}
	if r.Method == http.MethodPatch {
		s.latest = max(s.latest, now.Sub(s.shown[i]))
		s.paged.items[i] = hostnameJSON(i, strings.Replace(commonSettings, `"1.2"`, `"1.3"`, 1))
	}
	s.shown[i] = now
	write(w, 200, ok(s.paged.items[i]))
}

// fake is a server that has the zone.
func (s *shop) fake() *fake {
	f := oneZone(s)
	f.mux.Handle("/client/v4/zones/"+zoneA+"/custom_hostnames/{id}", s)
	return f
}

// raise is a plan that raises the minimum of n hostnames, in another order than
// that of the list.
func raise(n int) *plan.Plan {
	p := &plan.Plan{}
	for k := range n {
		c := hostnameChange(k * 3001 % n)
		c.Action, c.Name = plan.Update, fmt.Sprintf("app%d.customer.example", k*3001%n)
		c.Edits = []plan.Edit{{Setting: "min_tls_version", From: `"1.2"`, To: `"1.3"`}}
		p.Changes = append(p.Changes, *c)
	}
	return p
}

// Ten thousand changes at the default rate take three quarters of an hour, and
// no reading is older than MaxAge when its write is sent. The order of the
// list differs from that of the plan, yet each page is not read once per name.
func TestReadingsAreFreshAndFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		s := newShop(n)
		o := options(s.fake())
		o.Transport = direct{o.Transport.(direct).handler, 100 * time.Millisecond}
		w := writer(t, o)
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r := apply.Run(t.Context(), raise(n), w, apply.Options{Concurrency: 10})
		if r.Tally.Done != n {
			t.Errorf("%+v, %s", r.Tally, r.Stopped)
		}
		if s.latest > apply.MaxAge {
			t.Errorf("written over a reading %s old", s.latest)
		}
		requests := w.Requests()
		if all := requests.Read + requests.Write; all > n*105/100 || requests.Write != n {
			t.Errorf("%+v for %d changes", requests, n)
		}
		if took, permitted := time.Since(start), 9*5*time.Minute; took > permitted*105/100 {
			t.Errorf("it took %s, permitted were %s", took, permitted)
		}
	})
}
