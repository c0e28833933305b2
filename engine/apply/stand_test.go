package apply_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/engine/sandbox"
	"tlsync/schema"
	"tlsync/schema/load"
)

// stand is a Cloudflare API, the real client for it, and a configuration.
type stand struct {
	t      testing.TB
	server *sandbox.Server
	url    string
	writer *cloudflare.Writer
	head   *schema.Desired
	close  func() // for those who cannot wait for the end of the test
}

// token is what the seeds call the token that may write.
const token = "tokens: [{name: writer, value: writer-token, permissions: all}]\nrate: {requests: -1}\n"

func newStand(t testing.TB, seed, config string) *stand {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(token + seed))
	if err != nil {
		t.Fatal(err)
	}
	head, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte("version: 1\n---\n" + config)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return serve(t, parsed, head)
}

func serve(t testing.TB, seed sandbox.Seed, head *schema.Desired) *stand {
	t.Helper()
	s := &stand{t: t, server: sandbox.New(seed, sandbox.Options{}), head: head}
	listener := httptest.NewServer(s.server)
	s.url = listener.URL + sandbox.Base
	s.close = sync.OnceFunc(func() {
		s.server.Close()
		listener.CloseClientConnections()
		listener.Close()
	})
	t.Cleanup(s.close)
	s.connect()
	return s
}

// connect makes a client that remembers nothing.
func (s *stand) connect() {
	s.t.Helper()
	w, err := cloudflare.NewWriter(cloudflare.Options{
		BaseURL: s.url, Credentials: cloudflare.Credentials{Token: "writer-token"},
		Rate: cloudflare.Rate{Requests: 1_000_000, Per: time.Minute}, Timeout: 5 * time.Second,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.writer = w
}

func (s *stand) plan() *plan.Plan {
	s.t.Helper()
	p, err := s.tryPlan()
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *stand) tryPlan() (*plan.Plan, error) {
	live, err := s.writer.Fetch(context.Background(), resolve.ScopeOf(s.head))
	if err != nil {
		return nil, err
	}
	return diff.Build(diff.Input{Live: live, Head: resolve.Resolve(s.head, live)})
}

func (s *stand) fault(f sandbox.Fault) {
	s.t.Helper()
	if err := s.server.AddFault(f); err != nil {
		s.t.Fatal(err)
	}
}

// writes are the PATCHes so far, as "EFFECT OBJECT"; a request that did not get
// as far as its object has its path in place of it.
func (s *stand) writes() []string {
	var out []string
	for _, e := range s.server.History() {
		if e.Method != "PATCH" {
			continue
		}
		object := e.Path
		if len(e.Writes) > 0 {
			object = e.Writes[0].Object
		}
		out = append(out, string(e.Effect)+" "+object)
	}
	return out
}

// expect compares outcomes, in the order of the plan, with "OUTCOME ID", and the
// tally with both.
func expect(t testing.TB, r *apply.Result, want ...string) {
	t.Helper()
	got := []string{}
	for _, s := range r.Steps {
		got = append(got, string(s.Outcome)+" "+s.Change.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s%s", diff, reasons(r))
	}
	addsUp(t, r)
}

// addsUp checks that every change is accounted for exactly once.
func addsUp(t interface {
	Helper()
	Errorf(string, ...any)
}, r *apply.Result) {
	t.Helper()
	counted := map[apply.Outcome]int{}
	for i, s := range r.Steps {
		counted[s.Outcome]++
		if s.Change != &r.Plan.Changes[i] {
			t.Errorf("step %d is not of change %d", i, i)
		}
		if s.Outcome != apply.Done && s.Reason == "" {
			t.Errorf("%s is %s and nothing says why", s.Change.String(), s.Outcome)
		}
		if strings.ContainsAny(s.Reason, "\n\r") || strings.HasSuffix(s.Reason, ".") {
			t.Errorf("the reason %q is not one line without a full stop", s.Reason)
		}
	}
	want := apply.Tally{
		Planned: len(r.Plan.Changes), Done: counted[apply.Done], Failed: counted[apply.Failed],
		Skipped: counted[apply.Skipped], NotAttempted: counted[apply.NotAttempted],
	}
	if r.Tally != want || want.Done+want.Failed+want.Skipped+want.NotAttempted != want.Planned {
		t.Errorf("the tally is %+v, the steps come to %+v", r.Tally, want)
	}
	given := 0 // up by the run, because the credentials do not allow them
	for _, s := range r.Steps {
		if s.Outcome == apply.NotAttempted && (r.Stopped == "" || s.Reason != r.Stopped && s.Err == nil) {
			given++
		}
	}
	if r.Stopped != "" && r.Tally.NotAttempted == 0 || given > 0 && len(r.Denied) == 0 {
		t.Errorf("stopped: %q, denied: %q, with %d changes not attempted, %d of them for another reason", r.Stopped, r.Denied, r.Tally.NotAttempted, given)
	}
}

func reasons(r *apply.Result) string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%s: %s %s\n", s.Change.String(), s.Outcome, s.Reason)
	}
	return b.String()
}

// reason is that of the step of a change.
func reason(t testing.TB, r *apply.Result, id string) string {
	t.Helper()
	i := slices.IndexFunc(r.Steps, func(s apply.Step) bool { return s.Change.String() == id })
	if i < 0 {
		t.Fatalf("no change %s", id)
	}
	return r.Steps[i].Reason
}

func contains(t testing.TB, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not hold %q", text, part)
	}
}

// converges makes sure that a run without faults does what is left to do, and
// that nothing is left after it.
func (s *stand) converges() {
	s.t.Helper()
	s.server.ClearFaults()
	s.connect()
	r := apply.Run(context.Background(), s.plan(), s.writer, apply.Options{Concurrency: 4})
	if r.Tally.Done != r.Tally.Planned {
		s.t.Errorf("the run after it is not done:\n%s", reasons(r))
	}
	s.connect()
	if again := s.plan(); len(again.Changes) > 0 {
		s.t.Errorf("planned again: %d changes, the first %s", len(again.Changes), again.Changes[0].String())
	}
}

// fresh reads before every write, so that an edit is seen that is made between
// the reading for the plan and the write.
type fresh struct{ *cloudflare.Writer }

func (f fresh) Read(ctx context.Context, c *plan.Change, _ time.Duration) (plan.Object, error) {
	return f.Writer.Read(ctx, c, 0)
}
