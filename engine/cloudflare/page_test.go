package cloudflare

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/plan"
)

var withHostnames = plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", CustomHostnames: true}}}

const listURI = "GET /client/v4/zones/" + zoneA + "/custom_hostnames"

// read fetches the custom hostnames of a zone and returns the number of
// requests.
func readHostnames(t *testing.T, h http.Handler) (n, requests int, err error) {
	t.Helper()
	f := oneZone(h)
	live, err := reader(t, options(f)).Fetch(t.Context(), withHostnames)
	if err == nil {
		n = len(live.Zones[0].CustomHostnames)
		ids := map[string]bool{}
		for _, h := range live.Zones[0].CustomHostnames {
			ids[h.ID] = true
		}
		if len(ids) != n {
			t.Errorf("%d names, %d ids", n, len(ids))
		}
	}
	return n, len(f.requests(listURI)), err
}

type info = map[string]any

// Whatever the server says about its pages, the list is complete or an error,
// and the reading ends.
func TestPages(t *testing.T) {
	full := func(page, perPage, count, total int) info {
		return info{"page": page, "per_page": perPage, "count": count, "total_count": total, "total_pages": (total + perPage - 1) / perPage}
	}
	with := func(change func(i info, page, total int)) func(page, perPage, count, total int) any {
		return func(page, perPage, count, total int) any {
			i := full(page, perPage, count, total)
			change(i, page, total)
			return i
		}
	}
	set := func(key string, v any) func(page, perPage, count, total int) any {
		return with(func(i info, _, _ int) { i[key] = v })
	}
	for _, tt := range []struct {
		name      string
		have      int
		clamp     int
		info      func(page, perPage, count, total int) any
		requests  int    // at most; exactly, where the list is complete
		incorrect string // part of the error, empty for a complete list
	}{
		{"two pages", 1200, 0, nil, 2, ""},
		{"pages of 50", 1200, 50, nil, 24, ""},
		{"one short page", 3, 0, nil, 1, ""},
		{"none", 0, 0, nil, 1, ""},
		{"a full page", 1000, 0, nil, 1, ""},
		{"two full pages", 2000, 0, nil, 2, ""},
		{"a full page, total_pages is 0", 1000, 0, set("total_pages", 0), 2, ""},
		{"a full page, total_pages is too large", 1000, 0, set("total_pages", 3), 2, ""},
		{"pages of 50, total_pages is missing", 1200, 50, with(func(i info, _, _ int) { delete(i, "total_pages") }), 25, ""},
		{"pages of 50, total_pages is too small", 1200, 50, set("total_pages", 2), 25, ""},
		{"clamped to 50, and says 1000", 1200, 50, set("per_page", 1000), 24, ""},
		{"no result_info", 1200, 0, func(int, int, int, int) any { return nil }, 3, ""},
		{"no result_info, clamped", 120, 50, func(int, int, int, int) any { return nil }, 4, ""},
		{"an empty result_info", 1200, 0, func(int, int, int, int) any { return info{} }, 3, ""},
		{"total_pages is 0", 1200, 0, set("total_pages", 0), 2, ""},
		{"total_pages is missing", 1200, 0, with(func(i info, _, _ int) { delete(i, "total_pages") }), 2, ""},
		{"total_pages is huge", 1200, 0, set("total_pages", 1<<40), 3, ""},
		{"total_pages is negative", 1200, 0, set("total_pages", -1), 2, ""},
		{"total_count is 0", 1200, 0, set("total_count", 0), 3, ""},
		{"total_count is negative", 1200, 0, set("total_count", -5), 3, ""},
		{"total_count is too small", 1200, 0, set("total_count", 1000), 8, "1200 items, the server counts 1000"},
		{"total_count is too small by pages", 1200, 0, set("total_count", 30), 8, "1200 items, the server counts 30"},
		{"total_count is too small, total_pages is not", 1200, 50, with(func(i info, _, _ int) { i["total_count"], i["per_page"] = 50, 1000 }), 60, "1200 items, the server counts 50"},
		{"total_count is too large", 1200, 0, set("total_count", 1300), 8, "1200 items, the server counts 1300"},
		{"total_count is huge", 1200, 0, set("total_count", 1<<60), 1, "more than 4000 pages"},
		{"total_count is that of a page", 1200, 0, with(func(i info, _, _ int) { i["total_count"] = i["count"] }), 8, "1200 items, the server counts 1000"},
		{"total_count is no number", 12, 0, set("total_count", "12"), 1, "unexpected answer"},
		{"data where there should be none", 0, 0, set("total_count", 7), 8, "0 items, the server counts 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, requests, err := readHostnames(t, paged{items: manyHostnames(tt.have), clamp: tt.clamp, info: tt.info})
			switch {
			case tt.incorrect != "" && (err == nil || !strings.Contains(err.Error(), tt.incorrect)):
				t.Errorf("%d names, %v; want an error with %q", n, err, tt.incorrect)
			case tt.incorrect == "" && (err != nil || n != tt.have):
				t.Errorf("%d names of %d, %v", n, tt.have, err)
			}
			if requests > tt.requests || tt.incorrect == "" && requests < tt.requests {
				t.Errorf("%d requests, want %d", requests, tt.requests)
			}
		})
	}
}

// A list has only parameters that the API knows.
func TestPageQuery(t *testing.T) {
	f := oneZone(paged{items: manyHostnames(1200)})
	if _, err := reader(t, options(f)).Fetch(t.Context(), withHostnames); err != nil {
		t.Fatal(err)
	}
	got := f.requests(listURI)
	if len(got) != 2 || got[0].uri != "/client/v4/zones/"+zoneA+"/custom_hostnames?page=1&per_page=1000" || got[1].uri != "/client/v4/zones/"+zoneA+"/custom_hostnames?page=2&per_page=1000" {
		t.Errorf("%+v", got)
	}
}

// If a server refuses large pages, or fails over them, smaller ones are
// requested.
func TestSmallerPages(t *testing.T) {
	for _, tt := range []struct {
		name          string
		status, limit int
		requests      int
	}{
		{"refuses", 400, 250, 2 + 5}, // 1200 are five pages of 250
		{"fails", 504, 100, 3*3 + 13},
	} {
		list := paged{items: manyHostnames(1200)}
		f := oneZone(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if size, _ := strconv.Atoi(r.URL.Query().Get("per_page")); size > tt.limit {
				write(w, tt.status, failure)
				return
			}
			list.ServeHTTP(w, r)
		}))
		o := options(f)
		o.jitter = nil
		synctest.Test(t, func(t *testing.T) {
			r := reader(t, o)
			live, err := r.Fetch(t.Context(), withHostnames)
			if err != nil || len(live.Zones[0].CustomHostnames) != 1200 {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if n := len(f.requests(listURI)); n > tt.requests {
				t.Errorf("%s: %d requests, want %d", tt.name, n, tt.requests)
			}
			// A size that was refused once is not tried again.
			f.seen = nil
			if _, err := r.Fetch(t.Context(), withHostnames); err != nil {
				t.Fatal(err)
			}
			if n := len(f.requests(listURI)); tt.status == 400 && n != 5 {
				t.Errorf("%s: %d requests the second time", tt.name, n)
			}
		})
	}
	// A refusal for another reason than the size stays an error.
	if _, n, err := readHostnames(t, answer(400, "application/json", failure)); err == nil || n != 5 {
		t.Errorf("%d requests, %v", n, err)
	}
	if _, n, err := readHostnames(t, answer(403, "application/json", failure)); err == nil || n != 1 {
		t.Errorf("%d requests, %v", n, err)
	}
}

// A page that takes too long is not requested again; the next size is half as
// large.
func TestSlowPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := paged{items: manyHostnames(1200)}
		f := oneZone(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if size, _ := strconv.Atoi(r.URL.Query().Get("per_page")); size > 250 {
				time.Sleep(time.Hour)
			}
			list.ServeHTTP(w, r)
		}))
		o := options(f)
		o.Transport = impatient{f}
		live, err := reader(t, o).Fetch(t.Context(), withHostnames)
		if err != nil || len(live.Zones[0].CustomHostnames) != 1200 {
			t.Fatal(err)
		}
		if n := len(f.requests(listURI)); n != 2+5 {
			t.Errorf("%d requests", n)
		}
		if took := time.Since(f.start); took != 2*2*DefaultTimeout {
			t.Errorf("it took %s", took)
		}
		time.Sleep(2 * time.Hour) // until the server is done with it
	})
}

// Fifty pages are read in six rounds of ten at once after the look-up of the
// zone: within one and a half times the minimum for that latency and
// concurrency.
func TestPagesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 100 * time.Millisecond
		f := oneZone(paged{items: manyHostnames(2500), clamp: 50})
		o := options(f)
		o.Transport = direct{f, latency}
		r := reader(t, o)
		if _, err := r.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"min_tls_version"}, CustomHostnames: true}}}); err != nil {
			t.Fatal(err)
		}
		if n := r.Requests().Read; n > 60 {
			t.Errorf("%d requests for fifty pages", n)
		}
		bound := time.Duration(r.Requests().Read) * latency / DefaultConcurrency
		if took := time.Since(f.start); took > bound*3/2 {
			t.Errorf("it took %s, the bound is %s for %d requests", took, bound, r.Requests().Read)
		}
	})
}

// impatient is a transport that gives up waiting with its request's context.
type impatient struct{ handler http.Handler }

func (d impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	answered := make(chan *http.Response, 1)
	go func() {
		res, _ := direct{handler: d.handler}.RoundTrip(r.Clone(context.WithoutCancel(r.Context())))
		answered <- res
	}()
	select {
	case res := <-answered:
		return res, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// shifting serves a list that changes its order while it is read: an item of
// page 1 moves to page 2 and another one the other way.
type shifting struct {
	paged
	times int // how often
}

func (s *shifting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("page") == "2" && s.times != 0 {
		s.times--
		items := s.items
		s.items = append([]string{items[1100]}, items[1:]...)
		s.items[1100] = items[0]
		s.paged.ServeHTTP(w, r)
		s.items = items
		return
	}
	s.paged.ServeHTTP(w, r)
}

func TestShiftingList(t *testing.T) {
	if n, requests, err := readHostnames(t, &shifting{paged: paged{items: manyHostnames(1200)}, times: 1}); err != nil || n != 1200 || requests != 4 {
		t.Errorf("shifted once: %d names with %d requests, %v", n, requests, err)
	}
	_, requests, err := readHostnames(t, &shifting{paged: paged{items: manyHostnames(1200)}, times: -1})
	if err == nil || !strings.Contains(err.Error(), "1199 items, the server counts 1200") || requests != 4 {
		t.Errorf("shifting always: %d requests, %v", requests, err)
	}
}

// A list without an end is an error, and so is a list that repeats itself.
func TestEndlessList(t *testing.T) {
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		write(w, 200, ok("["+hostnameJSON(page, "{}")+"]"))
	})
	if _, n, err := readHostnames(t, endless); err == nil || !strings.Contains(err.Error(), "still more after 1001 pages") || n > 1001 {
		t.Errorf("%d requests, %v", n, err)
	}
	same := paged{items: manyHostnames(1000), info: func(int, int, int, int) any { return info{"total_count": 1200, "per_page": 1000} }}
	repeating := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "page=1&per_page=1000"
		same.ServeHTTP(w, r)
	})
	if _, n, err := readHostnames(t, repeating); err == nil || !strings.Contains(err.Error(), "1000 items, the server counts 1200") || n > 8 {
		t.Errorf("%d requests, %v", n, err)
	}
}

// A fault on one page repeats that page, not the list.
func TestFaultOnOnePage(t *testing.T) {
	list := paged{items: manyHostnames(200), clamp: 50}
	failed := false
	f := oneZone(nil)
	f.mux.HandleFunc(listURI, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		fail := r.URL.Query().Get("page") == "3" && !failed
		failed = failed || fail
		f.mu.Unlock()
		if fail {
			write(w, 200, `{"success":true,"result":[`)
			return
		}
		list.ServeHTTP(w, r)
	})
	live, err := reader(t, options(f)).Fetch(t.Context(), withHostnames)
	if err != nil || len(live.Zones[0].CustomHostnames) != 200 {
		t.Fatal(err)
	}
	if n := len(f.requests(listURI)); n != 5 {
		t.Errorf("%d requests for four pages, one of them twice", n)
	}
}

// A warning tells once that a list does not say how long it is, however many
// pages it has and however often it is read; other lists have no warning.
func TestUntoldList(t *testing.T) {
	const message = "the server does not say how long the list is; read until a page had nothing new"
	for _, tt := range []struct {
		name string
		info func(page, perPage, count, total int) any
		told int
	}{
		{"no result_info", func(int, int, int, int) any { return nil }, 1},
		{"no totals", func(page, perPage, count, _ int) any { return info{"page": page, "per_page": perPage, "count": count} }, 1},
		{"no total_pages", func(_, _, _, total int) any { return info{"total_count": total} }, 0},
		{"complete", nil, 0},
	} {
		list := paged{items: manyHostnames(1200), info: tt.info}
		f := oneZone(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("per_page") == "1000" { // so that it is begun twice
				write(w, 400, failure)
				return
			}
			list.ServeHTTP(w, r)
		}))
		var log bytes.Buffer
		o := options(f)
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		live, err := reader(t, o).Fetch(t.Context(), withHostnames)
		if err != nil || len(live.Zones[0].CustomHostnames) != 1200 {
			t.Fatalf("%s: %v", tt.name, err)
		}
		lines := strings.Count(log.String(), "\n")
		if lines != tt.told || strings.Count(log.String(), `level=WARN msg="`+message+`" path=/zones/`+zoneA+`/custom_hostnames items=1200`) != tt.told {
			t.Errorf("%s: logged %d lines, want %d:\n%s", tt.name, lines, tt.told, log.String())
		}
	}
	// Cloudflare also counts the zones that a filter leaves out. Such a total
	// tells nothing, but it is a total.
	f := newFake()
	f.mux.Handle("GET /client/v4/zones", paged{items: []string{zoneJSON(zoneA, "saas.example", acctA, "A")}, info: func(int, int, int, int) any { return info{"total_count": 70, "total_pages": 2} }})
	var log bytes.Buffer
	o := options(f)
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if _, err := reader(t, o).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example"}}}); err != nil || log.Len() > 0 || len(f.seen) != 2 {
		t.Errorf("%v, %d requests, logged:\n%s", err, len(f.seen), log.String())
	}
}
