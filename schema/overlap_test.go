package schema

import "testing"

func TestOverlaps(t *testing.T) {
	zone := func(name string, glob bool) Zone { z := Zone{Glob: glob}; z.Name.Value = name; return z }
	account := func(name string) Account { a := Account{}; a.Name.Value = name; return a }
	saas := &Desired{Zones: []Zone{zone("shop.example", false), zone("saas.example", false)}, Accounts: []Account{account("Acme")}}
	for name, tt := range map[string]struct {
		other *Desired
		want  bool
	}{
		"nothing":           {&Desired{}, false},
		"another zone":      {&Desired{Zones: []Zone{zone("bank.example", false)}}, false},
		"the same zone":     {&Desired{Zones: []Zone{zone("saas.example", false)}}, true},
		"a glob":            {&Desired{Zones: []Zone{zone("*.example", true)}}, true},
		"a glob of others":  {&Desired{Zones: []Zone{zone("*.test", true)}}, false},
		"the same account":  {&Desired{Accounts: []Account{account("Acme")}}, true},
		"another's account": {&Desired{Accounts: []Account{account("Bank")}}, false},
	} {
		if got := saas.Overlaps(tt.other); got != tt.want || tt.other.Overlaps(saas) != got {
			t.Errorf("%s: %v", name, got)
		}
	}
	if a, b := (&Desired{Zones: []Zone{zone("*.a", true)}}), (&Desired{Zones: []Zone{zone("x.*", true)}}); !a.Overlaps(b) {
		t.Error("two globs may hold for a common zone")
	}
}
