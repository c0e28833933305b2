package snapshot_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/snapshot"
	"tlsync/schema"
)

// isJSON reports whether a field holds JSON text: plans break on anything else.
func isJSON(field string, t reflect.Type) bool {
	return field == "Raw" || field == "Rest" || t == reflect.TypeFor[schema.Value]()
}

// fill gives every exported field of a value, at any depth, a value of its own
// that is not zero.
func fill(t *testing.T, v reflect.Value, field string, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d", field, *n))
		if isJSON(field, v.Type()) {
			v.SetString(fmt.Sprintf(`{"%s":%d}`, field, *n))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n%255) + 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), field, n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, field, n)
			fill(t, value, field, n)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[plan.Ref]() { // a Ref is what an id says
			v.Set(reflect.ValueOf(plan.ParseRef("custom_hostname/saas.example/"+fmt.Sprint(*n)+".test", "")))
			*n++
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(t, v.Field(i), f.Name, n)
			} else {
				t.Fatalf("%s has the field %s, which a snapshot cannot carry", v.Type(), f.Name)
			}
		}
	default:
		t.Fatalf("field %s is of kind %s, which this test does not know", field, v.Kind())
	}
}

// full is live state in which nothing is zero.
func full(t *testing.T) *plan.Live {
	t.Helper()
	live, n := &plan.Live{}, 0
	fill(t, reflect.ValueOf(live).Elem(), "Live", &n)
	if n < 200 {
		t.Fatalf("only %d values", n)
	}
	return live
}

func fullMeta(t *testing.T) snapshot.Meta {
	t.Helper()
	m, n := snapshot.Meta{}, 0
	for i := range reflect.TypeFor[snapshot.Meta]().NumField() {
		if f := reflect.TypeFor[snapshot.Meta]().Field(i); f.Name != "TakenAt" {
			fill(t, reflect.ValueOf(&m).Elem().Field(i), f.Name, &n)
		}
	}
	m.TakenAt = time.Date(2026, 3, 1, 4, 5, 6, 0, time.UTC)
	return m
}

// draw gives every exported field of a value, at any depth, whatever its type can
// hold. Lists and maps may be nil, empty or full.
func draw(t *rapid.T, v reflect.Value, field string) {
	switch v.Kind() {
	case reflect.String:
		text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "on", "zone/a", "a.example", "<&>", "\u2028", "\ufffd", "é", `\ufffd`, "a\"b\\"}), rapid.String()).Draw(t, field)
		if isJSON(field, v.Type()) {
			text = rapid.SampledFrom([]string{
				"", "null", `""`, `"on"`, `"1.2"`, "[]", "true", "1.0", `[ "a", "b" ]`, `{"b":"\u003c","a":[1e2, {"c":null}]}`, ` {"a" : "é"} `,
			}).Draw(t, field)
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, field))
	case reflect.Int:
		v.SetInt(int64(rapid.Int().Draw(t, field)))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Uint8().Draw(t, field)))
	case reflect.Slice:
		if n := rapid.IntRange(-1, 3).Draw(t, "length of "+field); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, v.Index(i), field)
			}
		}
	case reflect.Map:
		if n := rapid.IntRange(-1, 2).Draw(t, "length of "+field); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				draw(t, key, field)
				draw(t, value, field)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[plan.Ref]() { // a Ref is what an id says
			id := rapid.OneOf(rapid.SampledFrom([]string{"zone/a.example", "zone/a.example@1f", "account/Acme", "custom_hostname/a.example/b.test"}), rapid.String()).Draw(t, field)
			v.Set(reflect.ValueOf(plan.ParseRef(id, "")))
			return
		}
		for i := range v.NumField() {
			draw(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("field %s is of kind %s, which this test does not know", field, v.Kind())
	}
}

func drawLive(t *rapid.T) *plan.Live {
	live := &plan.Live{}
	draw(t, reflect.ValueOf(live).Elem(), "Live")
	return live
}

func drawMeta(t *rapid.T) snapshot.Meta {
	text := rapid.String()
	return snapshot.Meta{
		Tool:   plan.Tool{Name: text.Draw(t, "name"), Version: text.Draw(t, "version")},
		Commit: text.Draw(t, "commit"), ConfigDigest: text.Draw(t, "digest"),
		TakenAt: time.Unix(rapid.Int64Range(-1<<33, 1<<37).Draw(t, "time"), 0).UTC(),
	}
}

// write is the file of live state.
func write(t interface {
	Helper()
	Fatal(args ...any)
}, live *plan.Live, m snapshot.Meta) string {
	t.Helper()
	var b strings.Builder
	if err := snapshot.Write(&b, live, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// many is live state with a number of custom hostnames, of which every tenth has
// settings and metadata of its own.
func many(n int) *plan.Live {
	z := plan.Zone{ID: strings.Repeat("0", 32), Name: "saas.example", Account: plan.Account{ID: strings.Repeat("a", 32), Name: "Shops Inc"}}
	for i := range n {
		h := plan.Hostname{
			ID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i), Name: fmt.Sprintf("shop-%05d.customers.example", i), Status: "active",
			SSL: true, SSLStatus: "active", Type: "dv", Method: "http", BundleMethod: "ubiquitous", Authority: "google",
		}
		if i%10 == 0 {
			h.Metadata = map[string]string{"tier": "regulated"}
			h.Settings = []plan.Setting{{ID: "http2", Raw: `"on"`, Value: `"on"`}, {ID: "min_tls_version", Raw: `"1.2"`, Value: `"1.2"`}}
		}
		z.CustomHostnames = append(z.CustomHostnames, h)
	}
	return &plan.Live{Zones: []plan.Zone{z}}
}
