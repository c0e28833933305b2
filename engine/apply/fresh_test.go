package apply_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/sandbox"
	"tlsync/schema/load"
)

// observer carries requests to a sandbox, and notes when it showed each custom hostname
// last, and what others did to it.
type observer struct {
	server  *sandbox.Server
	latency time.Duration

	mu     sync.Mutex
	names  map[string]string // by id
	shown  map[string]time.Time
	edited map[string]edit // the last one, by name
	oldest time.Duration   // reading that a write relied on
	lost   []string        // edits that were older than MaxAge when they were undone
	kept   int             // edits that a write came after
}

type edit struct {
	at    time.Time
	value string
}

type shownHostname struct {
	ID, Hostname string
	SSL          struct {
		Settings map[string]any
	}
}

// RoundTrip implements http.RoundTripper. Half of the latency is on the way there.
func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(o.latency / 2)
	defer time.Sleep(o.latency / 2)
	o.mu.Lock()
	defer o.mu.Unlock()

	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method == http.MethodPatch {
		o.wrote(path.Base(r.URL.Path), body)
	}
	res, err := serveDirectly(o.server, r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	o.show(answer)
	return res, nil
}

func (o *observer) show(answer []byte) {
	var many struct{ Result []shownHostname }
	if json.Unmarshal(answer, &many) != nil {
		var one struct{ Result shownHostname }
		_ = json.Unmarshal(answer, &one) // anything else shows no hostname
		many.Result = []shownHostname{one.Result}
	}
	for _, h := range many.Result {
		o.names[h.ID], o.shown[h.ID] = h.Hostname, time.Now()
	}
}

func (o *observer) wrote(id string, body []byte) {
	o.oldest = max(o.oldest, time.Since(o.shown[id]))
	var sent shownHostname
	_ = json.Unmarshal(body, &sent) // what is no hostname has no settings
	if e, ok := o.edited[o.names[id]]; ok && time.Since(e.at) >= apply.MaxAge {
		o.kept++
		if got := sent.SSL.Settings["http2"]; got != e.value {
			o.lost = append(o.lost, fmt.Sprintf("%s: http2 became %v, and somebody had set %s %s before", o.names[id], got, e.value, time.Since(e.at)))
		}
	}
}

// somebodyEdits sets http2 of random hostnames until ended is closed.
func (o *observer) somebodyEdits(names []string, ended <-chan struct{}) {
	rng := rand.New(rand.NewPCG(1, 2))
	for {
		select {
		case <-ended:
			return
		case <-time.After(150 * time.Millisecond):
		}
		o.mu.Lock()
		e := edit{time.Now(), []string{"on", "off"}[rng.IntN(2)]}
		name := names[rng.IntN(len(names))]
		if o.server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: name, Settings: sandbox.Settings{"http2": e.value}}) == nil {
			o.edited[name] = e
		}
		o.mu.Unlock()
	}
}

// TestEditsByOthersSurvive writes 500 hostnames at a latency of 50 ms while others edit a
// setting of theirs that is not managed: no write relies on a reading older than
// MaxAge, as the server sees it, so none undoes an edit older than that. It takes at most
// 1.05 requests for a change, and at most one period more than the rate asks for.
func TestEditsByOthersSurvive(t *testing.T) {
	const n = 500
	for _, tc := range []struct {
		name        string
		rate        cloudflare.Rate
		concurrency int
		latency     time.Duration
		settle      string // how long a write moves its hostname to another place of the list
		among       int    // hostnames, of which 500 are to be written
		atMost      time.Duration
	}{
		{"one at a time", cloudflare.DefaultRate, 1, 50 * time.Millisecond, "0s", n, 30 * time.Second},
		{"ten at a time, at the sustained rate", cloudflare.Rate{Requests: 110, Per: 30 * time.Second}, 10, 50 * time.Millisecond, "0s", n, 155 * time.Second},
		{"a slow server", cloudflare.Rate{Requests: 110, Per: 30 * time.Second}, 10, 700 * time.Millisecond, "0s", n, 175 * time.Second},
		{"a low rate", cloudflare.Rate{Requests: 100, Per: 5 * time.Minute}, 10, 50 * time.Millisecond, "0s", n, 26 * time.Minute},
		{"a list that moves", cloudflare.Rate{Requests: 110, Per: 30 * time.Second}, 10, 50 * time.Millisecond, "20s", n, 155 * time.Second},
		{"a list that moves for good", cloudflare.Rate{Requests: 110, Per: 30 * time.Second}, 10, 50 * time.Millisecond, "1h", n, 155 * time.Second},
		{"few among many", cloudflare.Rate{Requests: 110, Per: 30 * time.Second}, 10, 50 * time.Millisecond, "0s", 10 * n, 155 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSandbox(t, fmt.Sprintf(`
tokens: [{name: writer, value: writer-token}]
rate: {requests: -1}
settle: %s
zones:
  - name: saas.example
    generate: {count: %d, pattern: "h%%04d.test", settings: {min_tls_version: "1.0"}}
`, tc.settle, tc.among))
				o := &observer{server: server, latency: tc.latency, names: map[string]string{}, shown: map[string]time.Time{}, edited: map[string]edit{}}
				config := "version: 1\n---\n" + namesConfig
				if tc.among > n {
					config = "version: 1\n---\nzone: saas.example\ncustom_hostnames: { rules: [{ match: { hostname: \"h*0.test\" }, min_tls_version: \"1.2\" }] }\n"
				}
				head, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(config)}}, time.Time{})
				if diags.HasErrors() {
					t.Fatal(diags)
				}
				w, err := cloudflare.NewWriter(cloudflare.Options{
					BaseURL: "https://api.test" + sandbox.Base, Credentials: cloudflare.Credentials{Token: "writer-token"}, Rate: tc.rate, Transport: o,
				})
				if err != nil {
					t.Fatal(err)
				}
				p := (&twin{t, w, head}).plan()

				var names []string
				for i := range p.Changes {
					names = append(names, p.Changes[i].Name)
				}
				ended := make(chan struct{})
				go o.somebodyEdits(names, ended)
				time.Sleep(10 * time.Second) // for approval

				before, start := w.Requests(), time.Now()
				r := apply.Run(t.Context(), p, w, apply.Options{Concurrency: tc.concurrency})
				took, after := time.Since(start), w.Requests()
				close(ended)

				if r.Tally.Done != n {
					t.Errorf("%+v, %s\n%s", r.Tally, r.Stopped, reasons(r))
				}
				if o.oldest > apply.MaxAge || len(o.lost) > 0 || o.kept < n/20 {
					t.Errorf("a write relied on a reading %s old; of %d edits these were lost: %q", o.oldest, o.kept, o.lost)
				}
				if all := after.Read - before.Read + after.Write - before.Write; all > n*105/100 || took > tc.atMost {
					t.Errorf("%d requests for %d changes in %s", all, n, took)
				}
				t.Logf("%d reads, %d edits kept, oldest reading %s, %s", after.Read-before.Read, o.kept, o.oldest, took)
			})
		})
	}
}
