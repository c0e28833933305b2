//go:build !race

package cloudflare

import (
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	_ "unsafe" // for the list of the JSON library

	"tlsync/engine/plan"
)

// cachedDecoder is the list of compiled decoders of goccy/go-json, which has no lock. Its
// items are interfaces: two words, which are not written at once.
//
//go:linkname cachedDecoder github.com/goccy/go-json/internal/decoder.cachedDecoder
var cachedDecoder [][2]uintptr

func compiled() int {
	n := 0
	for _, d := range cachedDecoder {
		if d[0] != 0 {
			n++
		}
	}
	return n
}

// After a client was made, nothing writes to the list any more, whatever answers come
// and however many goroutines wait for them. So nobody can read half an entry, which
// otherwise happens in one run of twenty thousand. Each round is a process of its own,
// since the list is empty only in a new one.
func TestNoDecoderIsCompiledBesideOthers(t *testing.T) {
	const child = "TLSYNC_TEST_DECODERS"
	if os.Getenv(child) != "" {
		readSideBySide(t)
		return
	}

	rounds := 40
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// readSideBySide reads with two tokens from many goroutines that begin together. The
// answers have all the shapes that the SDK decodes.
func readSideBySide(t *testing.T) {
	if n := compiled(); n != 0 {
		t.Fatalf("%d decoders are compiled in a new process", n)
	}

	const items = `["text",{"code":1,"message":"text"}]`
	answers := []string{
		ok(`[]`),
		`{"success":true,"errors":null,"messages":` + items + `,"result":{}}`,
		`{"success":true,"errors":` + items + `,"messages":[],"result":[1],"result_info":{"page":1,"per_page":5,"total_count":1,"cursors":{"before":"x"}}}`,
		`{"success":false,"errors":` + items + `}`,
		`{"success":true,"errors":"text","result":{}}`, // the SDK cannot decode it
	}
	var n atomic.Int64
	f := newFake()
	f.mux.HandleFunc("/client/v4/", func(w http.ResponseWriter, _ *http.Request) {
		i := int(n.Add(1))
		status := http.StatusOK
		if i%7 == 0 {
			status = http.StatusForbidden
		}
		write(w, status, answers[i%len(answers)])
	})

	o := options(f)
	o.Accounts = map[string]Credentials{"Other": {Token: canary + "2"}}
	r := reader(t, o)
	before := compiled()
	if before == 0 {
		t.Error("a new client has compiled no decoder")
	}

	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			<-start
			for range 10 {
				_, _ = r.clients[i%2].get(t.Context(), plan.ZonesPath()) // only its decoding matters
			}
		})
	}
	close(start)
	wait.Wait()
	if after := compiled(); after != before {
		t.Errorf("%d decoders were compiled after the client was made with %d", after-before, before)
	}
}
