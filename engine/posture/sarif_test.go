package posture_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tlsync/engine/posture"
	"tlsync/engine/standard"
)

// SARIF has the fields that its specification and GitHub require, and says as much as JSON.
func TestSARIF(t *testing.T) {
	r := build(t, configured(t, mixedText), mixed())
	var b bytes.Buffer
	if err := posture.SARIF(&b, r, "some dir/tls"); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID               string
						ShortDescription struct{ Text string }
						FullDescription  struct{ Text string }
					}
				}
			}
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-2.1.0") || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "tlsync" {
		t.Fatalf("not a log of SARIF: %s", b.Bytes()[:200])
	}

	run := &log.Runs[0]
	for i, rule := range run.Tool.Driver.Rules {
		if rule.ID != standard.Names()[i] || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" {
			t.Errorf("incomplete rule %+v", rule)
		}
	}
	levels := map[string]int{}
	for _, res := range run.Results {
		levels[res.Level]++
		if !slices.Contains(standard.Names(), res.RuleID) || res.Message.Text == "" || len(res.Locations) != 1 || res.PartialFingerprints["tlsync/v1"] == "" {
			t.Errorf("incomplete result %+v", res)
			continue
		}
		at := res.Locations[0].PhysicalLocation
		if at.ArtifactLocation.URI != "some%20dir/tls/tlsync.yaml" || at.Region.StartLine < 1 || at.Region.StartColumn < 1 {
			t.Errorf("no place: %+v", at)
		}
		// The minimum of app.test is asked for by its entry, and all others follow the zone.
		if strings.Contains(res.Message.Text, "app.test") != (at.Region.StartLine == 10) {
			t.Errorf("line %d of %q", at.Region.StartLine, res.Message.Text)
		}
	}
	if levels["error"] == 0 || levels["warning"] == 0 || len(levels) != 2 {
		t.Errorf("levels %v", levels)
	}
}
