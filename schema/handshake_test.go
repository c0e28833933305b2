package schema

import (
	"testing"
)

const (
	v10, v11, v12, v13 = Value(`"1.0"`), Value(`"1.1"`), Value(`"1.2"`), Value(`"1.3"`)
	on                 = Value(`"on"`)
	zrt                = Value(`"zrt"`)
)

var (
	ecdsaList = ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256"})
	rsaList   = ListValue([]string{"ECDHE-RSA-AES128-GCM-SHA256"})
	oldRSA    = ListValue([]string{"ECDHE-RSA-AES128-GCM-SHA256", "AES256-SHA"})
	strange   = ListValue([]string{"SOMETHING-NEW"})
)

func TestHandshake(t *testing.T) {
	tests := []struct {
		name                                               string
		h                                                  Handshake
		noVersion, onlyTLS13, unused, noSuite, unreachable bool
	}{
		{name: "nothing is known", h: Handshake{}},
		{name: "defaults", h: Handshake{v10, on, "[]", ECDSAKey | RSAKey}},
		{name: "1.3 with TLS 1.3 off", h: Handshake{v13, Off, "[]", 0}, noVersion: true, onlyTLS13: true, unreachable: true},
		{name: "1.3 with TLS 1.3 on", h: Handshake{v13, on, "", 0}, onlyTLS13: true},
		{name: "1.3 with early data", h: Handshake{v13, zrt, Inherit, 0}, onlyTLS13: true},
		{name: "1.3 with a list", h: Handshake{v13, on, rsaList, 0}, onlyTLS13: true, unused: true},
		{name: "1.3 with a list for another key", h: Handshake{v13, on, rsaList, ECDSAKey}, onlyTLS13: true, unused: true},
		{name: "1.3, a list and TLS 1.3 off", h: Handshake{v13, Off, rsaList, ECDSAKey}, noVersion: true, onlyTLS13: true, unused: true, unreachable: true},
		{name: "TLS 1.3 off", h: Handshake{v12, Off, "[]", ECDSAKey}},
		{name: "list for the key", h: Handshake{v12, on, rsaList, RSAKey}},
		{name: "list for another key", h: Handshake{v12, on, rsaList, ECDSAKey}, noSuite: true},
		{name: "list for another key, TLS 1.3 off", h: Handshake{v12, Off, rsaList, ECDSAKey}, noSuite: true, unreachable: true},
		{name: "list for one key of two", h: Handshake{v12, Off, rsaList, ECDSAKey | RSAKey}},
		{name: "list, unknown key", h: Handshake{v12, Off, rsaList, 0}},
		{name: "unknown suite", h: Handshake{v12, Off, strange, ECDSAKey}},
		{name: "follows the zone", h: Handshake{Inherit, Inherit, Inherit, ECDSAKey}},
		{name: "follows a zone without a version", h: Handshake{v13, Inherit, "", 0}.Follow(Handshake{v10, Off, "[]", 0}), noVersion: true, onlyTLS13: true, unreachable: true},
		{name: "follows in the minimum", h: Handshake{Inherit, Off, "", 0}.Follow(Handshake{v13, on, "[]", 0}), noVersion: true, onlyTLS13: true, unreachable: true},
		{name: "follows in the list", h: Handshake{v12, on, Inherit, ECDSAKey}.Follow(Handshake{v10, on, rsaList, 0}), noSuite: true},
		{name: "what is not set does not follow", h: Handshake{v13, "", "", 0}.Follow(Handshake{v10, Off, rsaList, 0}), onlyTLS13: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range []struct {
				name      string
				got, want bool
			}{
				{"NoVersion", tt.h.NoVersion(), tt.noVersion},
				{"OnlyTLS13", tt.h.OnlyTLS13(), tt.onlyTLS13},
				{"UnusedList", tt.h.UnusedList(), tt.unused},
				{"NoSuite", tt.h.NoSuite(), tt.noSuite},
				{"Unreachable", tt.h.Unreachable(), tt.unreachable},
			} {
				if c.got != c.want {
					t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
				}
			}
			if set, known := tt.h.Possible(); known && tt.h.Keys != 0 && set.Empty() != tt.h.Unreachable() {
				t.Errorf("Unreachable is %v, and the set of handshakes is %+v", tt.h.Unreachable(), set)
			}
		})
	}
}

func TestHandshakeOf(t *testing.T) {
	block := []Assignment{{Setting: "http2", Value: on}, {Setting: TLS13, Value: zrt}, {Setting: Ciphers, Value: rsaList}}
	if got, want := HandshakeOf(block), (Handshake{TLS13: zrt, Ciphers: rsaList}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCipherKeys(t *testing.T) {
	for list, want := range map[Value]Keys{
		"": ECDSAKey | RSAKey, Inherit: ECDSAKey | RSAKey, "[]": ECDSAKey | RSAKey, strange: ECDSAKey | RSAKey,
		ecdsaList: ECDSAKey, rsaList: RSAKey, oldRSA: RSAKey,
		ListValue(CipherList("modern")): ECDSAKey | RSAKey,
	} {
		if got := CipherKeys(list); got != want {
			t.Errorf("CipherKeys(%s) is %d, want %d", list, got, want)
		}
	}
}

func TestCutOff(t *testing.T) {
	tests := []struct {
		name     string
		from, to Handshake
		want     Clients
	}{
		{"nothing moves", Handshake{v12, on, rsaList, RSAKey}, Handshake{v12, on, rsaList, RSAKey}, 0},
		{"the minimum rises", Handshake{Minimum: v10}, Handshake{Minimum: v12}, BelowMinimum},
		{"the minimum falls", Handshake{Minimum: v12}, Handshake{Minimum: v10}, 0},
		{"the minimum was not known", Handshake{}, Handshake{Minimum: v12}, 0},
		{"the last old suite goes", Handshake{Ciphers: oldRSA}, Handshake{Ciphers: rsaList}, BelowTLS12},
		{"every suite, then a list of new ones", Handshake{Ciphers: "[]"}, Handshake{Ciphers: rsaList}, BelowTLS12},
		{"an old suite stays", Handshake{Ciphers: "[]"}, Handshake{Ciphers: oldRSA}, 0},
		{"the list is not known afterwards", Handshake{Ciphers: oldRSA}, Handshake{}, 0},
		{"the list was not known", Handshake{}, Handshake{Ciphers: rsaList}, 0},
		{"both", Handshake{v10, on, "[]", 0}, Handshake{v12, on, rsaList, 0}, BelowMinimum | BelowTLS12},
		{"no suite for the key", Handshake{v12, on, rsaList, RSAKey}, Handshake{v12, on, ecdsaList, RSAKey}, WithoutTLS13},
		{"no suite for the key, as before", Handshake{v12, on, ecdsaList, RSAKey}, Handshake{v12, on, ecdsaList, RSAKey}, 0},
		{"nobody is left", Handshake{v12, Off, rsaList, RSAKey}, Handshake{v12, Off, ecdsaList, RSAKey}, 0},
		{"the list has no effect", Handshake{v13, on, rsaList, RSAKey}, Handshake{v13, on, ecdsaList, RSAKey}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.from.CutOff(tt.to); got != tt.want {
				t.Errorf("got %03b, want %03b", got, tt.want)
			}
		})
	}
}

func TestPossible(t *testing.T) {
	unknown := []Handshake{
		{},
		{"", on, "[]", 0}, {v12, "", "[]", 0}, {v12, on, "", 0},
		{Inherit, on, "[]", 0}, {v12, Inherit, "[]", 0}, {v12, on, Inherit, 0},
		{`"1.4"`, on, "[]", 0}, {v12, `"maybe"`, "[]", 0}, {v12, on, strange, 0}, {v12, on, `"modern"`, 0},
	}
	for _, h := range unknown {
		if _, known := h.Possible(); known {
			t.Errorf("the handshakes of %+v are known", h)
		}
	}
}

// TestWithin asks whether a state between two others admits anything that
// neither of them does.
func TestWithin(t *testing.T) {
	gcm, cbc := "ECDHE-ECDSA-AES128-GCM-SHA256", "AES256-SHA"
	gcmCBC, gcmGCM := ListValue([]string{gcm, cbc}), ListValue([]string{gcm, "AES128-GCM-SHA256"})
	tests := []struct {
		name              string
		from, between, to Handshake
		want              bool
	}{
		{"an end", Handshake{v10, on, "[]", 0}, Handshake{v10, on, "[]", 0}, Handshake{v12, on, "[]", 0}, true},
		{"minimum and list fall and shrink, minimum first", Handshake{v12, on, "[]", 0}, Handshake{v10, on, "[]", 0}, Handshake{v10, on, rsaList, 0}, false},
		{"minimum and list fall and shrink, list first", Handshake{v12, on, "[]", 0}, Handshake{v12, on, rsaList, 0}, Handshake{v10, on, rsaList, 0}, true},
		{"lists that overlap, minimum first", Handshake{v12, on, gcmCBC, 0}, Handshake{v10, on, gcmCBC, 0}, Handshake{v10, on, gcmGCM, 0}, false},
		{"lists that overlap, list first", Handshake{v12, on, gcmCBC, 0}, Handshake{v12, on, gcmGCM, 0}, Handshake{v10, on, gcmGCM, 0}, true},
		{"an unused suite, minimum first", Handshake{v12, on, oldRSA, ECDSAKey}, Handshake{v10, on, oldRSA, ECDSAKey}, Handshake{v10, on, ecdsaList, ECDSAKey}, true},
		{"TLS 1.3 goes off in between", Handshake{v12, on, "[]", 0}, Handshake{v12, Off, "[]", 0}, Handshake{v12, on, rsaList, 0}, true},
		{"TLS 1.3 goes on in between", Handshake{v12, Off, "[]", 0}, Handshake{v12, on, "[]", 0}, Handshake{v12, Off, rsaList, 0}, false},
		{"early data is TLS 1.3", Handshake{v12, zrt, "[]", 0}, Handshake{v12, on, "[]", 0}, Handshake{v12, zrt, rsaList, 0}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, _ := tt.from.Possible()
			between, _ := tt.between.Possible()
			to, known := tt.to.Possible()
			if !known {
				t.Fatal("the handshakes are not known")
			}
			if got := between.Within(from.Union(to)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestSequence asks which of a minimum and a list moves first. TLS 1.3 is open throughout
// in some rows and shut in others, which makes no difference.
func TestSequence(t *testing.T) {
	gcm, gcmCBC := ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"}), ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES256-SHA"})
	otherCBC := ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA"})
	tests := []struct {
		name     string
		from, to Handshake
		want     Sequence
	}{
		{"lists that overlap, the minimum falls", Handshake{v12, on, gcmCBC, 0}, Handshake{v10, on, gcm, 0}, CiphersFirst},
		{"lists that overlap, the minimum rises", Handshake{v10, on, gcm, 0}, Handshake{v12, on, gcmCBC, 0}, MinimumFirst},
		{"one old suite for another, the minimum falls", Handshake{v12, on, gcmCBC, 0}, Handshake{v10, on, otherCBC, 0}, CiphersFirst},
		{"one old suite for another, the minimum rises", Handshake{v11, on, gcmCBC, 0}, Handshake{v12, Off, otherCBC, 0}, MinimumFirst},
		{"the minimum leaves 1.3", Handshake{v13, on, gcmCBC, 0}, Handshake{v12, on, gcm, 0}, CiphersFirst},
		{"the minimum rises to 1.3", Handshake{v12, on, gcm, 0}, Handshake{v13, on, gcmCBC, 0}, MinimumFirst},
		{"both get weaker", Handshake{v12, on, gcm, 0}, Handshake{v10, on, "[]", 0}, AnySequence},
		{"both get stronger", Handshake{v10, on, "[]", 0}, Handshake{v12, on, gcm, 0}, AnySequence},
		{"old suites go while nothing old opens", Handshake{v10, on, gcmCBC, 0}, Handshake{v11, on, gcm, 0}, AnySequence},
		{"new suites do not work with what opens", Handshake{v12, on, gcm, 0}, Handshake{v11, on, ecdsaList, 0}, AnySequence},
		{"the suite that goes is for another key", Handshake{v12, on, gcmCBC, ECDSAKey}, Handshake{v10, on, gcm, ECDSAKey}, AnySequence},
		{"the minimum stays", Handshake{v12, on, gcmCBC, 0}, Handshake{v12, on, gcm, 0}, AnySequence},
		{"the list stays", Handshake{v12, on, gcmCBC, 0}, Handshake{v10, on, gcmCBC, 0}, AnySequence},
		{"the minimum is not known", Handshake{"", on, gcmCBC, 0}, Handshake{v10, on, gcm, 0}, AnySequence},
		{"an unknown suite", Handshake{v12, on, strange, 0}, Handshake{v10, on, gcm, 0}, CiphersFirst},
		{"the list was not known", Handshake{v10, on, "", 0}, Handshake{v12, on, gcm, 0}, MinimumFirst},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.from.Sequence(tt.to); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
