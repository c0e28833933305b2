package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fullHostname has every field that plans use, and other fields in every place.
const fullHostname = `{"x":{"ssl":[1,"]\\\"}"]},"id":"0d89c70d","\u0068ostname":"a.test","status":"active","ssl":{"certificates":[{"certificate":"-----BEGIN\n\\","signature":"ECDSAWithSHA256"},{"signature":"SHA256WithRSA"}],
 "status":"active","type":"dv","method":"http","bundle_method":"ubiquitous","certificate_authority":"google","wildcard":true,"expires_on":"2027-02-06T18:11:23Z","hosts":["a.test"],
 "custom_certificate":"-----BEGIN CERTIFICATE-----\nMIIB","custom_key":"","custom_csr_id":null,"custom_cert_bundle":[],"settings":{"http2" : "on","new":[1.0, {"ssl":{}}]}},
 "custom_metadata":{"k\"":"v\n","n":7,"certificates":"kept"},"custom_origin_server":"o.test","custom_origin_sni":"s.test","verification_errors":[]}`

// The sieve keeps everything that the decoder reads, in whatever pieces the
// text arrives, and nothing else.
func TestSieve(t *testing.T) {
	want, err := decodeCustomHostnames([]byte("[" + fullHostname + "]"))
	if err != nil {
		t.Fatal(err)
	}
	h := reflect.ValueOf(want[0])
	for i := range h.NumField() {
		if name := h.Type().Field(i).Name; h.Field(i).IsZero() && name != "InZone" {
			t.Errorf("the hostname of this test has no %s", name)
		}
	}
	page := `{"success":true,"errors":[],"result":[` + fullHostname + ` ], "result_info":{"total_count":1}}`
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(page), "byte by byte": iotest.OneByteReader(strings.NewReader(page)),
		"with its end": iotest.DataErrReader(strings.NewReader(page)),
	} {
		out, err := sift(r, customHostnameFields)
		var envelope struct{ Result json.RawMessage }
		if err != nil || json.Unmarshal(out, &envelope) != nil || !bytes.Contains(out, []byte(`"result_info":{"total_count":1}`)) {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		got, err := decodeCustomHostnames(envelope.Result)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if bytes.Contains(out, []byte("BEGIN")) || bytes.Contains(out, []byte("hosts")) {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// A text that is cut anywhere, or followed by more, is not JSON after the sieve
// either, and a read error is not mistaken for its end.
func TestSieveOfBrokenText(t *testing.T) {
	page := `{"success":true,"result":[` + fullHostname + `]}`
	texts := []string{page + "}", page + " {}", page + "\x00", "", "<html>", `{"success":true,}`, `{"success":true "result":[]}`, `{"success" true}`,
		`{"result":[1 2]}`, `{"result":[1,]}`, `{x}`, `[`, `"`, `{"x":[}]}`, `{"x":[1}`, `{"x":}`, `{"x":[1 "y"}`, strings.Repeat(`{"x":[`, 200)}
	for i := range page {
		texts = append(texts, page[:i])
	}
	for _, text := range texts {
		if out, err := sift(iotest.OneByteReader(strings.NewReader(text)), customHostnameFields); err != nil || json.Valid(out) {
			t.Errorf("%s: %s, %v", text, out, err)
		}
	}
	for i := range page {
		broken := io.MultiReader(strings.NewReader(page[:i]), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := sift(broken, customHostnameFields); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%s: %v", page[:i], err)
		}
	}
}

// A word or a string of any length, with quotation marks and backslashes at the
// end of the window, is skipped as a whole.
func TestSieveAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.SampledFrom([]rune{'"', '\\', 'a', '{', ']', 'é', '\n'}), 0, 40, -1)
		item := map[string]any{"id": "x", "hostname": "a.test"}
		for _, key := range []string{"status", "custom_metadata", "extra"} {
			item[key] = map[string]any{letters.Draw(t, "key"): letters.Draw(t, "text"), "n": []any{rapid.Float64().Draw(t, "number"), nil, true}}
		}
		text, err := json.Marshal(map[string]any{"result": []any{item}, "success": true, "other": item})
		if err != nil {
			t.Fatal(err)
		}
		delete(item, "extra")
		want, err := json.Marshal(map[string]any{"result": []any{item}, "success": true})
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 9).Draw(t, "window")
		got, err := sift(&inPieces{text, n}, customHostnameFields)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%s: %s, %v; want %s", text, got, err, want)
		}
	})
}

// inPieces reads n bytes at a time.
type inPieces struct {
	text []byte
	n    int
}

func (r *inPieces) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.n)], r.text)
	r.text = r.text[n:]
	return n, nil
}

func FuzzSieve(f *testing.F) {
	f.Add([]byte(`{"success":true,"result":[` + fullHostname + `]}`))
	f.Add([]byte(`{"result":[{"ssl":[]},[],"x",{"ssl":{"custom_key":{"a":1}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		out, err := sift(bytes.NewReader(text), customHostnameFields)
		if err != nil {
			t.Fatal(err)
		}
		deep := bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) >= maxDepth
		if json.Valid(text) && !json.Valid(out) && !deep {
			t.Errorf("%s: %s", text, out)
		}
	})
}

// heavyPage is the end of a page whose objects have certificates of some size.
// It needs no memory itself.
type heavyPage struct {
	items, size int
	part        io.Reader
}

func (p *heavyPage) Read(b []byte) (int, error) {
	for {
		if p.part != nil {
			if n, err := p.part.Read(b); n > 0 || err == nil {
				return n, nil
			}
		}
		switch {
		case p.items < 0:
			return 0, io.EOF
		case p.items == 0:
			p.part = strings.NewReader(`],"result_info":{"total_count":1000,"total_pages":1}}`)
		default:
			p.part = io.MultiReader(
				strings.NewReader(fmt.Sprintf(`{"id":%q,"hostname":"app%d.test","ssl":{"status":"active","certificates":[{"certificate":"`, hostnameID(p.items), p.items)),
				io.LimitReader(zeroes{}, int64(p.size)), strings.NewReader(`"}],"settings":{"http2":"on"}}}`+map[bool]string{true: ","}[p.items > 1]))
		}
		p.items--
	}
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

// The memory of a reading does not depend on the size of the certificates in
// the objects.
func TestMemoryOfLargeObjects(t *testing.T) {
	allocated := func(size int) uint64 {
		o := options(nil)
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			var body io.Reader = strings.NewReader(ok("[" + zoneJSON(zoneA, "saas.example", acctA, "A") + "]"))
			if strings.HasSuffix(r.URL.Path, "/custom_hostnames") {
				body = io.MultiReader(strings.NewReader(`{"success":true,"result":[`), &heavyPage{items: 1000, size: size})
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(body), ContentLength: -1}, nil
		})
		r := reader(t, o)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		live, err := r.Fetch(t.Context(), withHostnames)
		if err != nil || len(live.Zones[0].CustomHostnames) != 1000 {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(1000) // what is made once
	small, large := allocated(1000), allocated(20_000)
	if large > small*12/10 {
		t.Errorf("%d bytes allocated for certificates of 1 KB, %d for 20 KB", small, large)
	}
}
