package sandbox_test

import (
	"fmt"
	"testing"

	"tlsync/engine/sandbox"
)

// BenchmarkList lists a zone in pages of 1000, as a plan does. It reports the time of a
// whole listing, which must grow linearly.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			seed, err := sandbox.ParseSeed(fmt.Appendf(nil, `
rate: {requests: -1}
tokens: [{value: full-token}]
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    generate: {count: %d, pattern: "shop-%%05d.test", settings: {min_tls_version: 1.2}, certificate_bytes: 1000}
`, n))
			if err != nil {
				b.Fatal(err)
			}
			srv := sandbox.New(seed, sandbox.Options{})
			for b.Loop() {
				for page := 1; page <= n/1000; page++ {
					status, body := send(b, srv, step{token: "full-token", method: "GET", path: fmt.Sprintf("%s?per_page=1000&page=%d", names, page)})
					if status != 200 || len(body) < 1_000_000 {
						b.Fatalf("page %d: %d, %d bytes", page, status, len(body))
					}
				}
				srv.ClearHistory()
			}
		})
	}
}
