package cloudflare

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"tlsync/engine/plan"
)

// FuzzAnswer reads and writes a setting with any answer of a server. Only a
// value that the answer states explicitly passes for one.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		ok(`{"id":"x","value":"on"}`), ok(`{"id":"x","value":{"enabled":true}}`), failure, `null`, `{}`, `{"success":true}`,
		`{"success":"true","result":{"id":"x","value":1}}`, `{"success":true,"messages":"text","result":{}}`, ok(`{"id":"y","value":"on"}`),
		ok(`{"id":"x","value":null}`), `{"success":true,"success":false,"result":{"id":"x","value":"on"}}`, "\xef\xbb\xbf{}", "<html>",
		strings.Repeat("x ", 5000), "-" + strings.Repeat("x ", 5000),
		`{"success":true,"errors":["no"],"result":{"id":"x","value":"1.2","editable":false}}`, strings.Repeat("[", 1000),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fake := newFake()
		fake.handle("GET /client/v4/zones/"+zoneA+"/settings/x", 200, body)
		fake.handle("PATCH /client/v4/zones/"+zoneA+"/settings/x", 200, body)
		w := writer(t, options(fake))
		c := &plan.Change{Ref: plan.Ref{Kind: plan.KindZone}, ZoneID: zoneA, ObjectID: "x"}
		read, err := w.Read(t.Context(), c, 0)
		_, refused := w.Write(t.Context(), c, plan.Request{Method: "PATCH", Path: plan.SettingPath(zoneA, "x"), Body: `{"value":"on"}`})
		var envelope struct {
			Success any
			// Like the code under test, encoding/json takes keys in any case.
			Result struct {
				ID    *string
				Value any
			}
		}
		bad := json.Unmarshal([]byte(body), &envelope)
		if (!json.Valid([]byte(body)) || envelope.Success != true) && (err == nil || refused == nil) {
			t.Errorf("no success, and read: %v, written: %v", err, refused)
		}
		if err != nil {
			if msg := err.Error(); utf8.RuneCountInString(msg) > 400 || strings.ContainsAny(msg, "\n\x1b") {
				t.Errorf("not fit to be shown: %q", msg)
			}
			return
		}
		result := envelope.Result
		if bad != nil || result.Value == nil || result.ID != nil && *result.ID != "" && *result.ID != "x" {
			t.Errorf("read %+v from %s", read.Setting, body)
		}
	})
}

// FuzzPages reads a list with any counts of a server. The list is complete or
// an error, and the reading ends.
func FuzzPages(f *testing.F) {
	f.Add(120, 50, 120, 3, 50, true)
	f.Add(120, 0, 0, 0, 0, true)
	f.Add(120, 50, 1<<40, -1, 1000, true)
	f.Add(0, 0, 7, 1, 50, true)
	f.Add(100, 50, 100, 0, 50, false)
	f.Add(60, 20, 20, 1, 20, true)
	f.Add(50, 1, 2, 50, 1, true)
	f.Fuzz(func(t *testing.T, have, clamp, count, pages, size int, told bool) {
		have, clamp = abs(have)%300, abs(clamp)%300
		list := paged{items: manyHostnames(have), clamp: clamp, info: func(page, _, _, _ int) any {
			if !told {
				return nil
			}
			return info{"page": page, "per_page": size, "total_count": count, "total_pages": pages}
		}}
		n, requests, err := readHostnames(t, list)
		// If all counts of a server agree on too few items, it is believed.
		agreed := told && n == count && n > 0 && pages == (count-1)/min(have, cmp.Or(clamp, have))+1
		if err == nil && n != have && !agreed {
			t.Errorf("%d of %d names, and no error", n, have)
		}
		if requests > 2*(maxPages+2) {
			t.Errorf("%d requests", requests)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
