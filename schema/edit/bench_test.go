package edit

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"tlsync/schema"
)

// BenchmarkApply adds as many entries to a file as it has.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("%dk", n/1000), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  hostnames:\n")
			var edits []Edit
			for i := range n {
				fmt.Fprintf(&text, "    app-%05d.customer.example: { min_tls_version: \"1.3\" } # customer %d\n", 2*i, i)
				edits = append(edits, Edit{
					Block:   Block{Zone: schema.Pos{File: "tlsync.yaml", Line: 3, Col: 7}, Kind: Entry, Name: fmt.Sprintf("app-%05d.customer.example", 2*i+1)},
					Setting: "min_tls_version", Value: `"1.2"`,
				})
			}
			tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(text.String())}}
			for b.Loop() {
				if files, err := Apply(tree, edits); err != nil || len(files) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}
