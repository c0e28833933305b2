package schema

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDirections(t *testing.T) {
	legacy, modern, compatible := ListValue(CipherList("legacy")), ListValue(CipherList("modern")), ListValue(CipherList("compatible"))
	gcm := ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256"})
	tests := []struct {
		name     string
		from, to Handshake
		want     Directions
	}{
		{"nothing", Handshake{v12, on, modern, 0}, Handshake{v12, on, modern, 0}, Directions{Changes, Changes, Changes}},
		{"a list gives way to a minimum of 1.3", Handshake{v12, on, modern, 0}, Handshake{v13, on, legacy, 0}, Directions{Strengthens, Changes, Changes}},
		{"and the way back", Handshake{v13, on, legacy, 0}, Handshake{v12, on, modern, 0}, Directions{Weakens, Changes, Strengthens}},
		{"a list beside a minimum of 1.3", Handshake{v13, on, modern, 0}, Handshake{v13, on, legacy, 0}, Directions{Changes, Changes, Changes}},
		{"the minimum falls, and old suites go", Handshake{v12, on, legacy, 0}, Handshake{v10, on, modern, 0}, Directions{Changes, Changes, Strengthens}},
		{"the minimum falls, and no suite is for it", Handshake{v12, on, modern, 0}, Handshake{v10, on, modern, 0}, Directions{Changes, Changes, Changes}},
		{"the minimum falls, with old suites", Handshake{v12, on, legacy, 0}, Handshake{v10, on, legacy, 0}, Directions{Weakens, Changes, Changes}},
		{"both fall", Handshake{v12, on, modern, 0}, Handshake{v10, on, legacy, 0}, Directions{Weakens, Changes, Weakens}},
		{"the list grows while the minimum rises", Handshake{v10, on, modern, 0}, Handshake{v12, on, compatible, 0}, Directions{Strengthens, Changes, Weakens}},
		{"a better suite besides", Handshake{v12, on, oldRSA, 0}, Handshake{v12, on, ListValue(append(oldRSA.List(), gcm.List()...)), 0}, Directions{Changes, Changes, Changes}},
		{"better suites instead", Handshake{v12, on, oldRSA, 0}, Handshake{v12, on, modern, 0}, Directions{Changes, Changes, Strengthens}},
		{"a suite as good instead", Handshake{v12, on, gcm, 0}, Handshake{v12, on, rsaList, 0}, Directions{Changes, Changes, Weakens}},
		{"a suite for another key", Handshake{v12, on, rsaList, RSAKey}, Handshake{v12, on, ListValue(append(gcm.List(), rsaList.List()...)), RSAKey}, Directions{Changes, Changes, Changes}},
		{"TLS 1.3 goes on", Handshake{v12, Off, modern, 0}, Handshake{v12, on, modern, 0}, Directions{Changes, Strengthens, Changes}},
		{"TLS 1.3 goes off", Handshake{v12, on, modern, 0}, Handshake{v12, Off, modern, 0}, Directions{Changes, Weakens, Changes}},
		{"TLS 1.3 goes off and nothing is left", Handshake{v13, on, modern, 0}, Handshake{v13, Off, modern, 0}, Directions{Changes, Changes, Changes}},
		{"TLS 1.3 goes on, and the minimum rises to it", Handshake{v12, Off, modern, 0}, Handshake{v13, on, legacy, 0}, Directions{Strengthens, Strengthens, Changes}},
		{"early data goes on", Handshake{v12, on, modern, 0}, Handshake{v12, zrt, modern, 0}, Directions{Changes, Weakens, Changes}},
		{"early data goes off", Handshake{v12, zrt, modern, 0}, Handshake{v12, on, modern, 0}, Directions{Changes, Strengthens, Changes}},
		{"TLS 1.3 goes on with early data", Handshake{v12, Off, modern, 0}, Handshake{v12, zrt, modern, 0}, Directions{Changes, Strengthens, Changes}},
		{"the list is not known beside a minimum of 1.3", Handshake{v13, on, "", 0}, Handshake{v13, on, modern, 0}, Directions{Changes, Changes, Changes}},
		{"the list is not known", Handshake{v12, on, "", 0}, Handshake{v13, on, legacy, 0}, Directions{Strengthens, Changes, Changes}},
		{"an unknown suite", Handshake{v12, on, strange, 0}, Handshake{v13, on, "[]", 0}, Directions{Strengthens, Changes, Changes}},
		{"TLS 1.3 is not known", Handshake{v12, "", modern, 0}, Handshake{v13, "", legacy, 0}, Directions{Strengthens, Changes, Weakens}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.from.Directions(tt.to); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Of the settings of a change, one weakens exactly if the whole change opens something: what
// it opens is opened by somebody, and where it opens nothing nobody is to blame.
func TestSomeSettingIsToBlame(t *testing.T) {
	versions, _ := LookupSetting(MinTLSVersion)
	tls13s, _ := LookupSetting(TLS13)
	draw := rapid.Custom(func(t *rapid.T) Handshake {
		names := rapid.SliceOfNDistinct(rapid.SampledFrom(CipherList("legacy")), 0, 4, rapid.ID).Draw(t, "suites")
		return Handshake{
			StringValue(rapid.SampledFrom(versions.Values).Draw(t, "minimum")), StringValue(rapid.SampledFrom(tls13s.Values).Draw(t, "tls_1_3")),
			ListValue(names), Keys(rapid.IntRange(0, 3).Draw(t, "keys")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		from, to := draw.Draw(t, "from"), draw.Draw(t, "to")
		to.Keys = from.Keys
		before, _ := from.exposure()
		after, _ := to.exposure()
		d := from.Directions(to)
		if opens := before.opened(after) != (exposure{}); opens != d.Weakens() {
			t.Fatalf("it opens something: %v, and the directions are %+v", opens, d)
		}

		was, _ := from.Possible()
		is, _ := to.Possible()
		losesTLS13 := was.tls13 != 0 && is.tls13 == 0 && !is.Empty()
		gainsEarlyData := to.TLS13 == zrt && from.TLS13 == on
		if is.Within(was) && !losesTLS13 && !gainsEarlyData && d.Weakens() {
			t.Fatalf("all of it was possible before, and it weakens: %+v", d)
		}

		settings := []string{MinTLSVersion, TLS13, Ciphers, "http2"}
		if i := slices.IndexFunc(settings, func(id string) bool { _, ok := d.Of(id); return ok != DecidesHandshakes(id) }); i >= 0 {
			t.Fatalf("%s has no direction", settings[i])
		}
	})
}
