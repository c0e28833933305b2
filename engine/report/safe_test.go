package report

import (
	"testing"

	"tlsync/engine/safe/safetest"
)

func TestForeignTextIsHarmlessEverywhere(t *testing.T) {
	p := foreignPlan()
	for name, out := range map[string]string{
		"text":    render(t, p, TextOptions{}),
		"verbose": render(t, p, TextOptions{Verbose: true}),
		"json":    planJSON(t, p),
	} {
		if bad := safetest.Unsafe(out); bad != "" {
			t.Errorf("%s holds %s:\n%q", name, bad, out)
		}
	}
}
