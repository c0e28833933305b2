package cloudflare

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// A request is sent exactly as the plan shows it, and the answer is the object.
func TestWrite(t *testing.T) {
	f := patchable()
	f.mux.HandleFunc("PATCH /client/v4/zones/"+zoneA+"/settings/min_tls_version", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, ok(`{"id":"min_tls_version","value":"1.2","editable":true}`))
	})
	w := writer(t, options(f))
	req := plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(7)), Body: `{"ssl":{"type":"dv","method":"http","settings":{"min_tls_version":"1.2",  "ciphers":[]}}}`}
	o, err := w.Write(t.Context(), hostnameChange(7), req)
	if err != nil || o.Hostname == nil || o.Hostname.Name != "app7.customer.example" || o.Hostname.Own("min_tls_version") != `"1.2"` {
		t.Fatalf("%+v, %v", o, err)
	}
	if got := f.seen[0]; got.method != req.Method || got.uri != "/client/v4"+req.Path || got.body != string(req.Body) {
		t.Errorf("sent %+v", got)
	}
	o, err = w.Write(t.Context(), settingChange("min_tls_version"), plan.Request{Method: "PATCH", Path: plan.SettingPath(zoneA, "min_tls_version"), Body: `{"value":"1.2"}`})
	want := plan.Setting{ID: "min_tls_version", Raw: `"1.2"`, Value: `"1.2"`}
	if err != nil || o.Setting == nil || *o.Setting != want {
		t.Fatalf("%+v, %v", o, err)
	}
	if got := w.Requests(); got != (plan.Requests{Write: 2}) {
		t.Errorf("counted %+v", got)
	}
	// Both are in the cache now.
	for _, c := range []*plan.Change{hostnameChange(7), settingChange("min_tls_version")} {
		if _, err := w.Read(t.Context(), c, time.Minute); err != nil || len(f.seen) != 2 {
			t.Errorf("%v, %d requests", err, len(f.seen))
		}
	}
}

func settingChange(id string) *plan.Change {
	return &plan.Change{Ref: plan.ParseRef("zone/saas.example#"+id, ""), ZoneID: zoneA, ObjectID: id}
}

// A request that is not about its change's object is not sent.
func TestWriteIsChecked(t *testing.T) {
	f := newFake()
	w := writer(t, options(f))
	good := plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`}
	for _, tt := range []struct {
		change func(*plan.Change)
		req    func(*plan.Request)
	}{
		{req: func(r *plan.Request) { r.Method = "GET" }},
		{req: func(r *plan.Request) { r.Method = "" }},
		{req: func(r *plan.Request) { r.Path = "/zones/" + zoneB + "/settings/ssl" }},
		{req: func(r *plan.Request) { r.Path = "/zones/" + zoneA + "/../" + zoneB + "/settings/ssl" }},
		{req: func(r *plan.Request) { r.Path = "//elsewhere.test/" }},
		{req: func(r *plan.Request) { r.Body = `{"ssl":` }},
		{change: func(c *plan.Change) { c.ZoneID = "../x" }},
		{change: func(c *plan.Change) { c.ObjectID = "../x" }},
		{change: func(c *plan.Change) { c.Kind = "alert" }},
	} {
		c, r := hostnameChange(1), good
		if tt.change != nil {
			tt.change(c)
		}
		if tt.req != nil {
			tt.req(&r)
		}
		if _, err := w.Write(t.Context(), c, r); err == nil || len(f.seen) != 0 {
			t.Errorf("%+v %+v: sent", c, r)
		}
	}
}

// An answer that does not show the object means an accepted write; an answer
// about another object leaves the outcome to be read. Neither is cached.
func TestWriteWithoutObject(t *testing.T) {
	id, name := hostnameID(1), hostnameChange(1)
	bare := `"id":"` + id + `","hostname":"a.test"`
	mintls := settingChange("min_tls_version")
	for _, tt := range []struct {
		change *plan.Change
		result string
		other  string // what the answer is about, if not about the change
	}{
		{name, `{"id":"` + id + `"}`, ""},
		{name, `{}`, ""},
		{name, `null`, ""},
		{name, `[]`, ""},
		{name, `{` + bare + `}`, ""},
		{name, `{` + bare + `,"ssl":null}`, ""},
		{name, `{` + bare + `,"ssl":{"type":"dv","method":"http"}}`, ""},
		{name, `{` + bare + `,"ssl":{"type":"dv","method":"http","settings":null}}`, ""},
		{name, hostnameJSON(2, "{}"), "custom hostname " + hostnameID(2)},
		{name, `{"id":"` + hostnameID(2) + `"}`, "custom hostname " + hostnameID(2)},
		{mintls, `{"id":"min_tls_version"}`, ""},
		{mintls, `{"id":"min_tls_version","value":null}`, ""},
		{mintls, `{}`, ""},
		{mintls, `null`, ""},
		{mintls, `{"id":"ssl","value":"full"}`, "setting ssl"},
		{mintls, `{"id":"ssl"}`, "setting ssl"},
	} {
		f := newFake()
		path := plan.CustomHostnamePath(zoneA, id)
		f.handle("GET /client/v4"+path, 200, ok(hostnameJSON(1, "{}")))
		if tt.change == mintls {
			path = plan.SettingPath(zoneA, "min_tls_version")
			f.handle("GET /client/v4"+path, 200, ok(`{"id":"min_tls_version","value":"1.2"}`))
		}
		f.handle("PATCH /client/v4"+path, 202, ok(tt.result))
		w := writer(t, options(f))
		if _, err := w.Read(t.Context(), tt.change, time.Minute); err != nil {
			t.Fatal(err)
		}
		o, err := w.Write(t.Context(), tt.change, plan.Request{Method: "PATCH", Path: path, Body: `{}`})
		var failed *Error
		switch {
		case o != plan.Object{}:
			t.Errorf("%s: shows %+v", tt.result, o)
		case tt.other == "" && err != nil:
			t.Errorf("%s: %v", tt.result, err)
		case tt.other != "" && (!errors.As(err, &failed) || !failed.OutcomeUnknown() || failed.Refused() ||
			!strings.Contains(err.Error(), "unexpected answer: it is about "+tt.other+", not ")):
			t.Errorf("%s: %v", tt.result, err)
		case err != nil && strings.Contains(err.Error(), "200"):
			t.Errorf("%s: answered with 202, and the error says %v", tt.result, err)
		}
		if _, err := w.Read(t.Context(), tt.change, time.Minute); err != nil || len(f.seen) != 3 {
			t.Errorf("%s: read from memory after a write whose answer shows nothing", tt.result)
		}
	}
}

// An answer may show that a hostname has no settings of its own: that differs
// from an answer without settings.
func TestWriteShowsNoSettings(t *testing.T) {
	f := newFake()
	f.handle("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", 200, ok(hostnameJSON(1, " { } ")))
	w := writer(t, options(f))
	o, err := w.Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`})
	if err != nil || o.Hostname == nil || o.Hostname.Own("min_tls_version") != schema.Inherit {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := w.Read(t.Context(), hostnameChange(1), time.Minute); err != nil || len(f.seen) != 1 {
		t.Errorf("%v, %d requests", err, len(f.seen))
	}
}

// An answer with success false keeps its status and its codes, whatever the
// status claims.
func TestUnsuccessfulWrite(t *testing.T) {
	for _, status := range []int{200, 202} {
		f := newFake()
		f.handle("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", status, failure)
		_, err := writer(t, options(f)).Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`})
		var failed *Error
		want := fmt.Sprintf("PATCH %s: %d (code 1234: something is wrong): success is not true (ray 8f00ray)", plan.CustomHostnamePath(zoneA, hostnameID(1)), status)
		if !errors.As(err, &failed) || err.Error() != want || !failed.OutcomeUnknown() || !failed.Refused() || failed.Denied() || len(f.seen) != 1 {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// Ids are opaque, and go into paths escaped.
func TestOpaqueIDs(t *testing.T) {
	for _, id := range []string{"v2:~a.b", "...", "~", ":", "a..b", "a=b&c+d@e;f,g", `<"'{[|^` + "`" + `]}>`, "!$*()", "per_page=1", strings.Repeat("x", 100)} {
		quoted := strings.ReplaceAll(id, `"`, `\"`)
		// The fake's mux would clean some paths.
		var seen []string
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.URL.EscapedPath())
			zone, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/client/v4/zones/"), "/")
			zone, _ = url.PathUnescape(zone)
			at, _ := url.PathUnescape(strings.TrimPrefix(rest, "custom_hostnames/"))
			item := `{"id":"` + quoted + `","hostname":"a.test","ssl":{"type":"dv","method":"http","settings":{"http2":"on"}}}`
			switch {
			case r.URL.Path == "/client/v4/zones":
				write(w, 200, ok(`[{"id":"`+quoted+`","name":"saas.example","account":{"id":"a","name":"A"}}]`))
			case zone == id && rest == "custom_hostnames":
				write(w, 200, ok("["+item+"]"))
			case zone == id && at == id && !strings.ContainsAny(strings.TrimPrefix(rest, "custom_hostnames/"), `/?#"<`):
				write(w, 200, ok(item))
			default:
				write(w, 404, failure)
			}
		})
		w := writer(t, options(h))
		live, err := w.Fetch(t.Context(), withHostnames)
		if err != nil || len(live.Zones) != 1 || live.Zones[0].ID != id || len(live.Zones[0].CustomHostnames) != 1 || live.Zones[0].CustomHostnames[0].ID != id {
			t.Errorf("%s: %+v, %v", id, live, err)
			continue
		}
		c := &plan.Change{Ref: plan.Ref{Kind: plan.KindCustomHostname}, ZoneID: id, ObjectID: id}
		o, err := w.Read(t.Context(), c, 0)
		if err != nil {
			t.Errorf("%s: read: %v", id, err)
			continue
		}
		o, err = w.Write(t.Context(), c, plan.NewRequest(c, o))
		if err != nil || o.Hostname == nil || o.Hostname.ID != id {
			t.Errorf("%s: write: %+v, %v", id, o, err)
		}
		if last := seen[len(seen)-1]; last != "PATCH /client/v4/zones/"+url.PathEscape(id)+"/custom_hostnames/"+url.PathEscape(id) {
			t.Errorf("%s: sent %s", id, last)
		}
	}
	for _, id := range []string{"", ".", "..", "a/b", `a\b`, "a?b", "a#b", "a%2fb", "a b", " ", "a\tb", "a\nb", "a\x7f", "a\x00", "ä", "a\u00a0b", strings.Repeat("x", 101)} {
		if validID(id) {
			t.Errorf("%q passes for an id", id)
		}
	}
}

// After a failed write the object is read anew.
func TestReadAfterFailedWrite(t *testing.T) {
	f := oneZone(paged{items: manyHostnames(3)})
	f.handle("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", 502, failure)
	f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", 200, ok(hostnameJSON(1, `{"min_tls_version":"1.3"}`)))
	w := writer(t, options(f))
	if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`}); err == nil {
		t.Fatal("no error")
	}
	for _, maxAge := range []time.Duration{time.Minute, 0} {
		o, err := w.Read(t.Context(), hostnameChange(1), maxAge)
		if err != nil || o.Hostname.Own("min_tls_version") != `"1.3"` {
			t.Errorf("%s: %+v, %v", maxAge, o, err)
		}
	}
}

// Readings that are too old are refreshed page by page: one request for fifty names,
// even for many callers at once.
func TestRefreshByPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := oneZone(paged{items: manyHostnames(2500)})
		o := options(f)
		o.Transport = direct{f, 100 * time.Millisecond}
		w := writer(t, o)
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		before := w.Requests().Read
		readAll := func(want int) {
			t.Helper()
			var group errgroup.Group
			group.SetLimit(20)
			for i := range 2000 {
				group.Go(func() error {
					o, err := w.Read(t.Context(), hostnameChange(i), time.Minute)
					if err == nil && o.Hostname.ID != hostnameID(i) {
						err = fmt.Errorf("got %+v", o.Hostname)
					}
					return err
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			if n := w.Requests().Read - before; n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
		}
		readAll(0)
		time.Sleep(61 * time.Second)
		readAll(40)
		readAll(40)
	})
}

// A hostname that left its page is read by its id; a missing one is an error.
func TestRefreshOfMovedName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := paged{items: manyHostnames(3)}
		f := oneZone(&list)
		f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames/"+hostnameID(1), 200, ok(hostnameJSON(1, `{"min_tls_version":"1.3"}`)))
		f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames/"+hostnameID(2), 404, `{"success":false,"errors":[{"code":1436,"message":"not found"}]}`)
		w := writer(t, options(f))
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		list.items = list.items[:1]
		time.Sleep(2 * time.Minute)
		o, err := w.Read(t.Context(), hostnameChange(1), time.Minute)
		if err != nil || o.Hostname.Own("min_tls_version") != `"1.3"` {
			t.Errorf("%+v, %v", o, err)
		}
		if _, err := w.Read(t.Context(), hostnameChange(2), time.Minute); err == nil || !strings.Contains(err.Error(), "code 1436") {
			t.Errorf("%v", err)
		}
	})
}

// A page that was under way during the write of a name on it does not bring
// back the old state.
func TestOvertakenReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := paged{items: []string{hostnameJSON(1, `{}`), hostnameJSON(2, `{}`)}}
		f := patchable()
		f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames/"+hostnameID(1), 200, ok(list.items[0]))
		var slow atomic.Bool
		f.mux.HandleFunc(listURI, func(w http.ResponseWriter, r *http.Request) {
			if slow.Load() {
				time.Sleep(10 * time.Second)
			}
			list.ServeHTTP(w, r)
		})
		f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "saas.example", acctA, "A")))
		w := writer(t, options(f))
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		slow.Store(true)
		time.Sleep(2 * time.Minute)
		if _, err := w.Read(t.Context(), hostnameChange(1), 0); err != nil { // what is to be written over
			t.Fatal(err)
		}
		go w.Read(t.Context(), hostnameChange(2), time.Minute) // reads the page, slowly
		time.Sleep(time.Second)
		if _, err := w.Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		o, err := w.Read(t.Context(), hostnameChange(1), time.Minute)
		if err != nil || o.Hostname.Own("min_tls_version") != `"1.2"` {
			t.Errorf("%+v, %v", o.Hostname, err)
		}
	})
}

// tls_1_3 is read together with 0rtt, and a write of either invalidates both.
func TestReadEarlyData(t *testing.T) {
	f := newFake()
	early := "on"
	f.handle("GET /client/v4/zones/"+zoneA+"/settings/tls_1_3", 200, ok(`{"id":"tls_1_3","value":"on"}`))
	f.mux.HandleFunc("GET /client/v4/zones/"+zoneA+"/settings/0rtt", func(w http.ResponseWriter, _ *http.Request) { write(w, 200, ok(`{"id":"0rtt","value":"`+early+`"}`)) })
	f.handle("PATCH /client/v4/zones/"+zoneA+"/settings/0rtt", 200, ok(`{"id":"0rtt","value":"off"}`))
	w := writer(t, options(f))
	read := func(id, want string) {
		t.Helper()
		o, err := w.Read(t.Context(), settingChange(id), time.Minute)
		if err != nil || o.Setting.ID != id || string(o.Setting.Value) != want {
			t.Errorf("%s: %+v, %v; want %s", id, o.Setting, err, want)
		}
	}
	read("tls_1_3", `"zrt"`)
	read("0rtt", `"on"`)
	n := len(f.seen)
	read("tls_1_3", `"zrt"`)
	if len(f.seen) != n {
		t.Error("read again within a minute")
	}
	early = "off"
	if _, err := w.Write(t.Context(), settingChange("0rtt"), plan.Request{Method: "PATCH", Path: plan.SettingPath(zoneA, "0rtt"), Body: `{"value":"off"}`}); err != nil {
		t.Fatal(err)
	}
	read("tls_1_3", `"on"`)
	read("0rtt", `"off"`)
}

// A caller that modifies an object changes nothing in the cache.
func TestObjectsAreCopies(t *testing.T) {
	f := oneZone(paged{items: manyHostnames(1)})
	w := writer(t, options(f))
	live, err := w.Fetch(t.Context(), withHostnames)
	if err != nil {
		t.Fatal(err)
	}
	live.Zones[0].CustomHostnames[0].Method = "changed"
	o, _ := w.Read(t.Context(), hostnameChange(0), time.Minute)
	o.Hostname.Method = "changed"
	again, err := w.Read(t.Context(), hostnameChange(0), time.Minute)
	if d := cmp.Diff("http", again.Hostname.Method); err != nil || d != "" {
		t.Error(err, d)
	}
}

// The zone of a change decides which credentials write it.
func TestWriteWithTheAccountsCredentials(t *testing.T) {
	f := patchable()
	f.mux.HandleFunc("GET /client/v4/zones", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-of-b" {
			zoneList().ServeHTTP(w, r)
			return
		}
		zoneList(zoneJSON(zoneA, "saas.example", acctB, "Other")).ServeHTTP(w, r)
	})
	o := options(f)
	o.Accounts = map[string]Credentials{"Other": {Token: "token-of-b"}}
	w := writer(t, o)
	if err := sendAll(t.Context(), w, 1, 1); err == nil {
		t.Error("wrote to a zone of which nobody knows whose it is")
	}
	if _, err := w.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example"}}}); err != nil {
		t.Fatal(err)
	}
	if err := sendAll(t.Context(), w, 1, 1); err != nil {
		t.Fatal(err)
	}
	if got := f.requests("PATCH"); len(got) != 1 || got[0].auth != "Bearer token-of-b" {
		t.Errorf("%+v", got)
	}
}
