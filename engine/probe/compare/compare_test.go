package compare

import (
	"slices"
	"testing"

	"tlsync/schema"
)

// answer makes an answer about a version: to a hello with every suite, unless some are given.
func answer(v Version, o Outcome, suite string, offered ...string) Answer {
	if offered == nil {
		offered = OfVersion(v).Suites()
	}
	return Answer{Version: v, Outcome: o, Suite: suite, Offered: offered, Status: 200, Why: "because"}
}

func TestVerdicts(t *testing.T) {
	modern := schema.ListValue([]string{"ECDHE-RSA-AES128-GCM-SHA256"})
	all := schema.ListValue(nil)
	v := func(s string) *Want { return &Want{Value: schema.StringValue(s)} }
	const good = "ECDHE-RSA-AES128-GCM-SHA256"
	mtls := func(status int, asks bool) Answer {
		return Answer{Version: TLS13, Outcome: Accepted, Status: status, AsksForCertificate: asks}
	}

	for _, tc := range []struct {
		name     string
		expected Expected
		answers  []Answer
		verdict  Verdict
		evidence string
	}{
		{"old version refused", Expected{Minimum: v("1.2"), Ciphers: &Want{Value: all}}, []Answer{answer(TLS12, Accepted, good), answer(TLS11, Refused, ""), answer(TLS10, RefusedAfterHello, "")},
			AsDesired, "TLS 1.0 refused after hello; TLS 1.1 refused; TLS 1.2 accepted"},
		{"old version accepted", Expected{Minimum: v("1.2")}, []Answer{answer(TLS12, Accepted, good), answer(TLS10, Accepted, "AES128-SHA")},
			Weaker, "TLS 1.0 accepted with AES128-SHA"},
		{"new version refused", Expected{Minimum: v("1.1"), Ciphers: &Want{Value: all}}, []Answer{answer(TLS12, Accepted, good), answer(TLS11, Refused, "")}, Stricter, "TLS 1.1 refused"},
		{"new version refused, at least", Expected{Minimum: &Want{Value: `"1.1"`, AtLeast: true}, Ciphers: &Want{Value: all}}, []Answer{answer(TLS12, Accepted, good), answer(TLS11, Refused, "")},
			AsDesired, "TLS 1.2 accepted; TLS 1.1 refused"},
		{"the list has no suite for it", Expected{Minimum: v("1.1"), Ciphers: &Want{Value: modern}}, []Answer{answer(TLS11, Refused, ""), answer(TLS12, Accepted, good)},
			AsDesired, "TLS 1.1 refused: no desired cipher works with it; TLS 1.2 accepted"},
		{"the list is not known", Expected{Minimum: v("1.1")}, []Answer{answer(TLS11, Refused, "")}, NotTested, "TLS 1.1 refused, and which ciphers are desired is not known"},
		{"the forbidden version cannot be reached", Expected{Minimum: v("1.2")}, []Answer{answer(TLS12, Accepted, good), answer(TLS10, Unreachable, "")}, NoAnswer, "TLS 1.0: because"},
		{"our own library refuses", Expected{Minimum: v("1.2")}, []Answer{answer(TLS12, Accepted, good), answer(TLS10, Local, "")}, NotTested, "TLS 1.0: refused by tlsync: because"},
		{"no HTTP", Expected{Minimum: v("1.2")}, []Answer{answer(TLS12, Accepted, good), answer(TLS10, NoHTTP, "")}, NotTested, "TLS 1.0: no HTTP: because"},
		{"an odd suite speaks TLS 1.2", Expected{Minimum: v("1.3")}, []Answer{answer(TLS13, Accepted, ""), answer(TLS12, Refused, ""), answer(TLS12, Accepted, "AES256-SHA256", "AES256-SHA256")},
			Weaker, "TLS 1.2 accepted with AES256-SHA256"},
		{"nothing answers", Expected{Minimum: v("1.3")}, []Answer{answer(TLS13, Unreachable, ""), answer(TLS12, Unreachable, "")}, NoAnswer, "because"},
		{"everything is refused", Expected{TLS13: v("off")}, []Answer{answer(TLS13, Refused, ""), answer(TLS12, Refused, "")}, NotTested, "every handshake was refused: because"},
		{"not known", Expected{Minimum: &Want{Why: "rule 2 depends on metadata"}}, []Answer{answer(TLS13, Accepted, "")}, NotTested, "rule 2 depends on metadata"},

		{"TLS 1.3 on and refused", Expected{TLS13: v("on")}, []Answer{answer(TLS13, Refused, "")}, Stricter, "TLS 1.3 refused"},
		{"TLS 1.3 off and accepted", Expected{TLS13: v("off")}, []Answer{answer(TLS13, Accepted, "TLS_AES_128_GCM_SHA256")}, Weaker, "TLS 1.3 accepted with TLS_AES_128_GCM_SHA256"},
		{"TLS 1.3 with early data", Expected{TLS13: v("zrt")}, []Answer{answer(TLS13, Accepted, "")}, AsDesired, "TLS 1.3 accepted"},

		{"every suite", Expected{Ciphers: &Want{Value: all}}, []Answer{answer(TLS12, Accepted, good)}, AsDesired, "every cipher is allowed"},
		{"a forbidden suite", Expected{Ciphers: &Want{Value: modern}}, []Answer{answer(TLS12, Accepted, good), answer(TLS12, Accepted, "AES128-SHA", "AES128-SHA", "AES256-SHA"), answer(TLS12, Refused, "", "AES256-SHA")},
			Weaker, "TLS 1.2 accepted with AES128-SHA"},
		{"all others refused", Expected{Ciphers: &Want{Value: modern}}, []Answer{answer(TLS12, Accepted, good), answer(TLS12, Refused, "", "AES128-SHA")}, AsDesired, "other ciphers refused"},
		{"one cannot be reached", Expected{Ciphers: &Want{Value: modern}}, []Answer{answer(TLS12, Accepted, good), answer(TLS12, Unreachable, "", "AES128-SHA")}, NoAnswer, "TLS 1.2: because"},
		{"nothing shows it", Expected{Ciphers: &Want{Value: modern}}, []Answer{answer(TLS12, Accepted, good)}, NotTested, "nothing that was asked shows it"},

		{"let in without a certificate", Expected{CertificateAsked: v("on")}, []Answer{mtls(200, true)}, Weaker, "HTTP 200 without a client certificate"},
		{"not let in", Expected{CertificateAsked: v("on")}, []Answer{mtls(403, true)}, AsDesired, "HTTP 403 without a client certificate"},
		{"let in nowhere", Expected{CertificateAsked: v("on")}, []Answer{mtls(403, false)}, Stricter, "HTTP 403, and the server asks for no client certificate"},
		{"open as desired", Expected{CertificateAsked: v("off")}, []Answer{mtls(200, true)}, AsDesired, "HTTP 200 without a client certificate"},
	} {
		rows := Judge(&tc.expected, &Answers{Hellos: tc.answers})
		if len(tc.answers) == 0 || len(rows) == 0 {
			t.Errorf("%s: %v", tc.name, rows)
			continue
		}
		if rows[0].Verdict != tc.verdict || rows[0].Sentence() != tc.evidence {
			t.Errorf("%s:\n got %s (%s)\nwant %s (%s)", tc.name, rows[0].Verdict, rows[0].Sentence(), tc.verdict, tc.evidence)
		}
	}
}

// What the forbidden hellos offer is what the list leaves out, in each version that can carry
// it, and a version that was refused with every suite is not asked for again.
func TestForbiddenHellos(t *testing.T) {
	list := schema.CipherList("modern")
	for _, h := range Forbidden(list, TLS10) {
		for _, name := range Suites(h.Version()) {
			if slices.Contains(h.Suites(), name) == slices.Contains(list, name) {
				t.Errorf("%s: %s", h.Version(), name)
			}
		}
	}
	e := Expected{Ciphers: &Want{Value: schema.ListValue(list)}}
	got := e.Then([]Answer{answer(TLS10, Refused, ""), answer(TLS11, Unreachable, ""), answer(TLS12, Accepted, "AES128-SHA")})
	if len(got) != 2 || got[0].Version() != TLS11 || got[1].Version() != TLS12 {
		t.Errorf("%v", got)
	}
}
