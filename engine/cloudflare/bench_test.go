package cloudflare

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"tlsync/engine/plan"
)

// BenchmarkHostnames reads all custom hostnames of a zone, 2 KB each and 1,000
// per page, through the whole client from a server on this machine. It reports
// the CPU time of the process, which includes the server's, and the heap that
// is left.
func BenchmarkHostnames(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			pages := map[string]string{}
			items := manyHostnames(n)
			for p := 0; p*1000 < n; p++ {
				pages[fmt.Sprint(p+1)] = `{"success":true,"errors":[],"messages":[],"result":[` + strings.Join(items[p*1000:(p+1)*1000], ",") +
					fmt.Sprintf(`],"result_info":{"page":%d,"per_page":1000,"count":1000,"total_count":%d}}`, p+1, n)
			}
			items = nil
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.URL.Path, "custom_hostnames") {
					write(w, 200, ok("["+zoneJSON(zoneA, "saas.example", acctA, "A")+"]"))
					return
				}
				body := pages[r.URL.Query().Get("page")]
				if body == "" {
					body = ok("[]")
				}
				write(w, 200, body)
			}))
			defer server.Close()
			o := onServer(server)
			o.Rate = Rate{1_000_000, time.Second}
			var live *plan.Live
			start := cpu(b)
			for b.Loop() {
				var err error
				if live, err = reader(b, o).Fetch(b.Context(), withHostnames); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N), "cpu-ms/op")
			if got := len(live.Zones[0].CustomHostnames); got != n {
				b.Fatalf("%d names", got)
			}
			pages = nil
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-left")
			runtime.KeepAlive(live)
		})
	}
}

// BenchmarkDecode decodes one page of 1,000.
func BenchmarkDecode(b *testing.B) {
	page := []byte("[" + strings.Join(manyHostnames(1000), ",") + "]")
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeCustomHostnames(page); err != nil {
			b.Fatal(err)
		}
	}
}
