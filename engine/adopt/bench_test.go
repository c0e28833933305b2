package adopt

import (
	"fmt"
	"testing"
	"testing/fstest"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/edit"
)

// BenchmarkAdopt adopts hostnames that all moved, every other one to another value.
func BenchmarkAdopt(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprintf("%dk", n/1000), func(b *testing.B) {
			tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte("version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  defaults: { min_tls_version: \"1.2\" }\n")}}
			desired := loaded(b, tree, nil)
			hostnames := make([]plan.Hostname, n)
			for i := range hostnames {
				value := schema.Value(`"1.3"`)
				if i%2 == 0 {
					value = `"1.1"`
				}
				hostnames[i] = hostname(fmt.Sprintf("app-%05d.customer.example", i), map[string]schema.Value{"min_tls_version": value})
			}
			live := &plan.Live{Zones: []plan.Zone{zoneOf("saas.example", hostnames...)}}
			made := drift(b, desired, live)

			for b.Loop() {
				a := Find(Input{Plan: made, Desired: desired, Live: live})
				if files, err := edit.Apply(tree, a.Edits()); err != nil || len(files) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}
