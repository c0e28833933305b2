package plan

import "testing"

func TestTheOnlyZoneIsNamed(t *testing.T) {
	one := Scope{Zones: []ZoneScope{{Name: "saas.example"}}}
	for name, want := range map[string]string{
		"saas.exampl":   `no zone document covers zone "saas.exampl"; did you mean "saas.example"? There is only saas.example`,
		"elsewhere.org": `no zone document covers zone "elsewhere.org"; there is only saas.example`,
	} {
		if got := one.notCovered(name).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
