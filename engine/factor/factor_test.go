package factor_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"tlsync/engine/factor"
	"tlsync/schema"
)

// fleet makes names as a product makes them for its customers, with values that come from
// rules of people, save that each of exceptions names has a value of its own.
func fleet(n, exceptions int, seed uint64) []factor.Name {
	r := rand.New(rand.NewPCG(seed, 1))
	first := []string{"www", "shop", "app", "portal", "eu-shop", "us-shop", "legacy-pos", "kiosk-7", "pay"}
	ends := []string{"com", "de", "co.uk", "io"}
	tiers := []string{"basic", "basic", "pro", "regulated"}
	seen := map[string]bool{}
	var names []factor.Name
	for len(names) < n {
		name := first[r.IntN(len(first))] + ".c" + strconv.FormatUint(r.Uint64N(uint64(n)), 36) + "." + ends[r.IntN(len(ends))]
		if r.IntN(10) == 0 {
			name = first[r.IntN(len(first))] + strconv.Itoa(r.IntN(4000)) + ".partner" + strconv.Itoa(r.IntN(4)) + ".example"
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		names = append(names, factor.Name{
			Name: name, Wildcard: r.IntN(30) == 0, Values: []int{0, 0, 0, 0, 0},
			Metadata: map[string]string{"tier": tiers[r.IntN(len(tiers))], "customer": strconv.Itoa(r.IntN(n))},
		})
	}

	for _, h := range []struct {
		match  schema.Match
		values []int
	}{
		{pattern("**.partner1.example"), []int{1, factor.None, 2, factor.None, factor.None}},
		{pattern("legacy-*.**"), []int{2, factor.None, 1, 1, factor.None}},
		{schema.Match{Metadata: []schema.MetadataMatch{{Key: "tier", Values: []string{"regulated"}}}}, []int{3, 1, 3, factor.None, factor.None}},
		{schema.Match{Wildcard: schema.Field[bool]{Value: true, Set: true}}, []int{factor.None, factor.None, factor.None, 1, 1}},
		{pattern("pay.**"), []int{3, 1, factor.None, factor.None, factor.None}},
	} {
		m := factor.NewMatcher(h.match)
		for i := range names {
			for s, v := range h.values {
				if v != factor.None && m.Match(&names[i]) {
					names[i].Values[s] = v
				}
			}
		}
	}
	for range exceptions {
		names[r.IntN(n)].Values[r.IntN(5)] = r.IntN(4)
	}
	return names
}

func pattern(p string) schema.Match { return schema.Match{Hostnames: []string{p}} }

// lines counts what a list takes, and the names that it leaves wrong.
func lines(names []factor.Name, l factor.List) (lines, wrong int) {
	current := make([][]int, len(names))
	for i := range current {
		current[i] = slices.Clone(l.Defaults)
	}
	for _, r := range l.Rules {
		m := factor.NewMatcher(r.Match)
		lines++
		for s, v := range r.Values {
			if v == factor.None {
				continue
			}
			lines++
			for i := range names {
				if m.Match(&names[i]) {
					current[i][s] = v
				}
			}
		}
	}

	for i := range names {
		if !slices.Equal(current[i], names[i].Values) {
			wrong++
		}
	}
	return lines + wrong, wrong
}

func shortest(names []factor.Name, lists []factor.List) (best factor.List, fewest int) {
	for i, l := range lists {
		if n, _ := lines(names, l); i == 0 || n < fewest {
			best, fewest = l, n
		}
	}
	return best, fewest
}

func TestRulesOfPeopleAreFound(t *testing.T) {
	const rules, exceptions = 5 + 11, 60
	for seed := range uint64(4) {
		names := fleet(6000, exceptions, seed)
		best, n := shortest(names, factor.Lists(names, factor.Options{}))
		if most := (rules + exceptions) * 12 / 10; n > most {
			t.Errorf("seed %d: %d lines, want at most %d: %+v", seed, n, most, best)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	names := fleet(2000, 40, 7)
	want := factor.Lists(names, factor.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		if got := factor.Lists(names, factor.Options{}); !reflect.DeepEqual(got, want) {
			t.Fatal("other lists for the same names in another order")
		}
	}
}

// TestMuchMetadata has more conditions than could all be tried.
func TestMuchMetadata(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	names := fleet(4000, 0, 4)
	for i := range names {
		for k := range 30 {
			names[i].Metadata["key"+strconv.Itoa(k)] = strconv.Itoa(r.IntN(60))
		}
	}
	if best, n := shortest(names, factor.Lists(names, factor.Options{})); n > 20 {
		t.Errorf("%d lines: %+v", n, best)
	}
}

func TestNoRuleForFewNames(t *testing.T) {
	names := fleet(500, 0, 3)
	for _, l := range factor.Lists(names, factor.Options{}) {
		for _, r := range l.Rules {
			m, covered := factor.NewMatcher(r.Match), 0
			for i := range names {
				if m.Match(&names[i]) {
					covered++
				}
			}
			if covered < factor.MinNames {
				t.Errorf("a rule for %d names: %+v", covered, r)
			}
		}
	}
}

func TestWhatIsNotAllowedDoesNotStandTogether(t *testing.T) {
	names := fleet(3000, 20, 5)
	allowed := func(values []int) bool {
		return !(values[0] == 3 && values[1] == 1) && !(values[0] == 0 && values[2] == 0)
	}
	for _, l := range factor.Lists(names, factor.Options{Allowed: allowed}) {
		if !allowed(l.Defaults) {
			t.Errorf("defaults %v", l.Defaults)
		}
		for _, r := range l.Rules {
			if !allowed(r.Values) {
				t.Errorf("rule %+v", r)
			}
		}
	}
}

func TestNothingToFind(t *testing.T) {
	for _, l := range factor.Lists(nil, factor.Options{}) {
		if len(l.Rules) > 0 {
			t.Errorf("rules for no names: %+v", l)
		}
	}
	silent := make([]factor.Name, 20)
	for i := range silent {
		silent[i] = factor.Name{Name: fmt.Sprintf("a%d.test.example", i), Values: []int{factor.None}}
	}
	for _, l := range factor.Lists(silent, factor.Options{}) {
		if len(l.Rules) > 0 || l.Defaults[0] != factor.None {
			t.Errorf("rules for names that say nothing: %+v", l)
		}
	}
}

func BenchmarkLists(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			names := fleet(n, n/100, 1)
			for b.Loop() {
				factor.Lists(names, factor.Options{})
			}
		})
	}
}
