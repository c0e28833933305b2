package cloudflare

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

func nameChange(name, id string, from, to schema.Value) *plan.Change {
	return &plan.Change{
		Ref: plan.ParseRef("hostname/saas.example/"+name+"#"+id, name), Action: plan.Update,
		ZoneID: zoneA, ObjectID: id, Edits: []plan.Edit{edit(id, from, to)},
	}
}

// hostnameSeed has n names with a minimum version of their own.
func hostnameSeed(n int, more string) string {
	var b strings.Builder
	b.WriteString(zoneSeed + "    hostnames:\n")
	for i := range n {
		fmt.Fprintf(&b, "      n%03d.saas.example: {min_tls_version: \"1.2\"}\n", i)
	}
	return b.String() + more
}

// Each setting is one list. Its first page is requested without page
// parameters, since nobody documents any.
func TestHostnameSettings(t *testing.T) {
	l := newLab(t, hostnameSeed(120, "      api.saas.example: {http2: \"off\", min_tls_version: \"1.3\", ciphers: [AES128-SHA, ECDHE-ECDSA-AES128-SHA]}\n"))
	z := l.zone(plan.ZoneScope{HostnameSettings: []string{"min_tls_version", "ciphers", "http2"}})
	want := plan.Hostname{Name: "api.saas.example", InZone: true, Settings: []plan.Setting{
		{ID: "ciphers", Raw: `["AES128-SHA","ECDHE-ECDSA-AES128-SHA"]`, Value: `["ECDHE-ECDSA-AES128-SHA","AES128-SHA"]`},
		{ID: "http2", Raw: `"off"`, Value: `"off"`},
		{ID: "min_tls_version", Raw: `"1.3"`, Value: `"1.3"`},
	}}
	if len(z.Hostnames) != 121 || len(z.Settings) != 0 {
		t.Fatalf("%d names, %v", len(z.Hostnames), z.Unreadable)
	}
	if d := cmp.Diff(want, z.Hostnames[0]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"min_tls_version", "ciphers", "http2"}, z.HostnameSettings); d != "" {
		t.Error(d)
	}
	path := "GET /zones/" + zoneA + "/hostnames/settings/min_tls_version"
	if d := cmp.Diff([]string{path + " 200", path + "?page=2&per_page=50 200", path + "?page=3&per_page=50 200"}, l.sent(path)); d != "" {
		t.Error(d)
	}
	for _, id := range []string{"ciphers", "http2"} {
		if got := l.sent("GET /zones/" + zoneA + "/hostnames/settings/" + id); len(got) != 1 {
			t.Errorf("%q", got)
		}
	}
}

// A hostname gets a value, another one, and none; one reading of the list
// serves all.
func TestWriteHostnameSettings(t *testing.T) {
	l := newLab(t, hostnameSeed(3, "")+"settle: 1h\n")
	w := l.writer()
	scope := plan.ZoneScope{HostnameSettings: []string{"min_tls_version", "ciphers"}}
	own := func(name, id string) schema.Value {
		for _, h := range l.zone(scope).Hostnames {
			if h.Name == name {
				return h.Own(id)
			}
		}
		return schema.Inherit
	}
	for _, tt := range []struct {
		name, id string
		from, to schema.Value
	}{
		{"new.saas.example", "min_tls_version", schema.Inherit, `"1.3"`},
		{"new.saas.example", "min_tls_version", `"1.3"`, `"1.2"`},
		{"new.saas.example", "ciphers", schema.Inherit, `["ECDHE-ECDSA-AES128-GCM-SHA256"]`},
		{"n001.saas.example", "min_tls_version", `"1.2"`, schema.Inherit},
		{"new.saas.example", "min_tls_version", `"1.2"`, schema.Inherit},
		{"new.saas.example", "min_tls_version", schema.Inherit, `"1.1"`},
	} {
		answer := l.do(w, nameChange(tt.name, tt.id, tt.from, tt.to))
		if answer.Setting == nil || answer.Setting.Value != tt.to {
			t.Errorf("%+v: the answer shows %+v", tt, answer.Setting)
		}
		// An entry that is being deleted is still in the list and counts as
		// gone.
		if got := own(tt.name, tt.id); got != tt.to {
			t.Errorf("%+v: read back %s", tt, got)
		}
	}
	deleted := l.sent("DELETE")
	if len(deleted) != 2 || !strings.HasSuffix(deleted[0], "/hostnames/settings/min_tls_version/n001.saas.example 200") {
		t.Errorf("%q", deleted)
	}
	for _, e := range l.server.History() {
		if e.Method == "PUT" && !strings.HasPrefix(string(e.Body), `{"value":`) {
			t.Errorf("sent %s", e.Body)
		}
	}
}

// Many changes need one reading of the list, and another one a minute later.
// Writes in between are not forgotten.
func TestHostnameSettingsAreReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, hostnameSeed(40, ""))
		defer server.Close()
		o := options(server)
		o.Transport = direct{server, 100 * time.Millisecond}
		w := writer(t, o)
		if _, err := w.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", HostnameSettings: []string{"min_tls_version"}}}}); err != nil {
			t.Fatal(err)
		}
		reads := func() int { return w.Requests().Read }
		all := func() {
			t.Helper()
			var group errgroup.Group
			for i := range 40 {
				group.Go(func() error {
					o, err := w.Read(t.Context(), nameChange(fmt.Sprintf("n%03d.saas.example", i), "min_tls_version", "", ""), time.Minute)
					if err == nil && o.Setting.Value != `"1.2"` {
						err = fmt.Errorf("%+v", o.Setting)
					}
					return err
				})
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		}
		before := reads()
		all()
		if n := reads() - before; n != 0 {
			t.Errorf("%d requests for what was just read", n)
		}
		time.Sleep(61 * time.Second)
		all()
		if n := reads() - before; n != 1 {
			t.Errorf("%d requests a minute later", n)
		}
		c := nameChange("n001.saas.example", "min_tls_version", `"1.2"`, `"1.3"`)
		if _, err := w.Write(t.Context(), c, plan.NewRequest(c, plan.Object{})); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Read(t.Context(), c, time.Minute); err != nil || got.Setting.Value != `"1.3"` || reads()-before != 1 {
			t.Errorf("%+v, %v, %d requests", got.Setting, err, reads()-before)
		}
	})
}

// A list that was under way during the write of a name in it does not bring
// back the old state, and a write without a usable answer makes the name
// unknown.
func TestOvertakenList(t *testing.T) {
	key := settingKey{zoneA, "http2"}
	c := newCache()
	at := time.Now()
	on := plan.Setting{ID: "http2", Raw: `"on"`, Value: `"on"`}
	off := plan.Setting{ID: "http2", Raw: `"off"`, Value: `"off"`}
	list := []hostnameSetting{{"a.test", on}, {"b.test", on}}
	want := func(what, name string, since time.Time, value schema.Value) {
		t.Helper()
		s, _, ok := c.hostnameSetting(key, name, since)
		if ok != (value != "") || ok && s.Value != value {
			t.Errorf("%s: %+v, %t", what, s, ok)
		}
	}
	want("nothing was read", "a.test", at, "")
	c.putHostnameSettings(key, list, at)
	want("listed", "a.test", at, `"on"`)
	want("not listed", "c.test", at, schema.Inherit)
	want("too old", "a.test", at.Add(1), "")
	c.wroteHostnameSetting(key, "a.test", &off, at.Add(10))
	c.wroteHostnameSetting(key, "b.test", nil, at.Add(10))
	want("written", "a.test", at, `"off"`)
	want("unknown", "b.test", at, "")
	c.putHostnameSettings(key, list, at.Add(5))
	want("written, then an older list", "a.test", at, `"off"`)
	want("unknown, then an older list", "b.test", at, "")
	c.putHostnameSettings(key, list, at.Add(20))
	want("written, then a newer list", "a.test", at, `"on"`)
	want("unknown, then a newer list", "b.test", at, `"on"`)
	c.putHostnameSettings(key, nil, at.Add(15))
	want("an older list after a newer", "a.test", at, `"on"`)
}

// Lists without documented pages end, whatever the server does, and are
// complete or an error.
func TestGather(t *testing.T) {
	item := func(i int) string {
		return fmt.Sprintf(`{"hostname":"n%d.test","value":"1.2","status":"active"}`, i)
	}
	var all []string
	for i := range 120 {
		all = append(all, item(i))
	}
	whole := func(info string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			write(w, 200, `{"success":true,"errors":[],"messages":[],"result":[`+strings.Join(all[:50], ",")+`],"result_info":`+info+`}`)
		}
	}
	var shrunk atomic.Int32
	for _, tt := range []struct {
		name     string
		h        http.Handler
		items    int
		requests int
		err      string
	}{
		{"pages", paged{items: all, clamp: 50}, 120, 6, ""}, // 20 of 120 on the first, which has no parameters
		{"no word of pages", paged{items: all[:20], info: func(int, int, int, int) any { return nil }}, 20, 1, ""},
		{"empty", paged{}, 0, 1, ""},
		{"totals only", paged{items: all, info: func(page, size, count, total int) any { return map[string]int{"total_count": total} }}, 120, 6, ""},
		{"pages only", paged{items: all, info: func(page, size, count, total int) any {
			return map[string]int{"page": page, "per_page": size, "total_pages": (total + size - 1) / size}
		}}, 120, 6, ""},
		{"the page is ignored", whole(`{"page":1,"per_page":50,"count":50,"total_count":120,"total_pages":3}`), 0, 4, "the list has 50 items, the server counts 120"},
		{"the page is ignored, and only pages are counted", whole(`{"page":1,"per_page":50,"total_pages":3}`), 0, 2, "page 2 has nothing new"},
		{"the page is ignored, and all is there", whole(`{"page":1,"per_page":20,"total_count":50,"total_pages":3}`), 50, 1, ""},
		{"deleted and set again", paged{items: []string{item(1), `{"hostname":"n2.test","value":"1.1","status":"pending_deletion"}`, item(2)}}, 2, 1, ""},
		{"the count is that of the page", whole(`{"page":1,"per_page":50,"count":50,"total_count":0}`), 50, 1, ""},
		{"it shrinks once", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			items := all[:30]
			if shrunk.Add(1) > 1 {
				items = all[:20]
			}
			paged{items: items, info: func(page, size, count, total int) any {
				return map[string]int{"page": page, "per_page": size, "total_count": len(items)}
			}}.ServeHTTP(w, r)
		}), 20, 3, ""},
	} {
		f := newFake()
		f.mux.Handle("GET "+"/client/v4"+plan.HostnameSettingsPath(zoneA, "min_tls_version"), tt.h)
		r := reader(t, options(f))
		items, err := r.readHostnameSettings(t.Context(), r.clients[0], zoneA, "min_tls_version")
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
		if len(items) != tt.items || len(f.seen) != tt.requests {
			t.Errorf("%s: %d items with %d requests, want %d with %d", tt.name, len(items), len(f.seen), tt.items, tt.requests)
		}
		if first := f.seen[0].uri; strings.Contains(first, "?") {
			t.Errorf("%s: first asked %s", tt.name, first)
		}
	}
}

func TestHostnameSettingBodies(t *testing.T) {
	const head = `{"hostname":"API.saas.example."`
	for _, tt := range []struct{ id, body, want, err string }{
		{"http2", head + `,"value":"on","status":"active"}`, `"on"`, ""},
		{"http2", head + `,"value":"on","status":"pending_deployment","new":{}}`, `"on"`, ""},
		{"http2", head + `,"value":"on","status":"pending_deletion"}`, "null", ""},
		{"http2", head + `,"value":"on","status":"deleted"}`, "null", ""},
		{"http2", head + `,"status":"pending_deletion"}`, "null", ""},
		{"http2", head + `,"value":"","status":"active"}`, "null", ""},
		{"http2", head + `,"value":null}`, "null", ""},
		{"ciphers", head + `,"value":[ "AES128-SHA" ]}`, `["AES128-SHA"]`, ""},
		{"http2", head + `}`, "", "without a value"},
		{"http2", `{"value":"on"}`, "", "without a hostname"},
		{"http2", `{"hostname":7,"value":"on"}`, "", "hostname: a number where a string is expected"},
		{"http2", `"on"`, "", "a string where an object is expected"},
	} {
		got, err := decodeHostnameSettings([]byte("["+tt.body+"]"), tt.id)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %s", tt.body, err, tt.err)
		case tt.err == "" && (err != nil || got[0].name != "api.saas.example" || string(got[0].Value) != tt.want):
			t.Errorf("%s: %+v, %v", tt.body, got, err)
		}
	}
}

// The answer to a write shows the value, is about another object, or shows
// nothing.
func TestHostnameSettingAnswers(t *testing.T) {
	for _, tt := range []struct{ result, want, other string }{
		{`{"hostname":"a.saas.example","value":"off","status":"pending_deployment"}`, `"off"`, ""},
		{`{"value":"","status":"pending_deletion"}`, "null", ""},
		{`{}`, "", ""},
		{`null`, "", ""},
		{`{"hostname":"b.saas.example","value":"off"}`, "", "it is about hostname b.saas.example, not a.saas.example"},
	} {
		f := newFake()
		f.handle("PUT /client/v4"+plan.HostnameSettingsPath(zoneA, "http2")+"/a.saas.example", 200, ok(tt.result))
		w := writer(t, options(f))
		c := nameChange("a.saas.example", "http2", schema.Inherit, `"off"`)
		o, err := w.Write(t.Context(), c, plan.NewRequest(c, plan.Object{}))
		var failed *Error
		switch {
		case tt.other != "":
			if !errors.As(err, &failed) || !failed.OutcomeUnknown() || !strings.Contains(err.Error(), tt.other) {
				t.Errorf("%s: %v", tt.result, err)
			}
		case err != nil || (o.Setting != nil) != (tt.want != "") || o.Setting != nil && string(o.Setting.Value) != tt.want:
			t.Errorf("%s: %+v, %v", tt.result, o.Setting, err)
		}
	}
}

// A deletion that finds nothing has nothing left to do.
func TestDeleteHostnameSettingTwice(t *testing.T) {
	l := newLab(t, hostnameSeed(1, ""))
	c := nameChange("n000.saas.example", "min_tls_version", `"1.2"`, schema.Inherit)
	w := l.writer()
	l.do(w, c)
	o, err := w.Write(t.Context(), c, plan.NewRequest(c, plan.Object{}))
	if err != nil || o.Setting == nil || o.Setting.Value != schema.Inherit {
		t.Errorf("%+v, %v", o.Setting, err)
	}
}

// A lost answer leaves the outcome of a write open; a reading settles it.
func TestLostAnswerOfHostnameSetting(t *testing.T) {
	l := newLab(t, hostnameSeed(1, ""))
	w := l.writer()
	c := nameChange("n000.saas.example", "min_tls_version", `"1.2"`, `"1.3"`)
	l.read(w, c, time.Minute)
	l.fault(sandbox.Fault{Kind: "drop-answer", Method: "PUT", Path: "/zones/*/hostnames/**", Count: 1})
	_, err := w.Write(t.Context(), c, plan.NewRequest(c, plan.Object{}))
	var failed *Error
	if !errors.As(err, &failed) || !failed.OutcomeUnknown() {
		t.Fatalf("%v", err)
	}
	if o := l.read(w, c, time.Minute); o.Setting.Value != `"1.3"` {
		t.Errorf("remembered %+v", o.Setting)
	}
}
