package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/probe/compare"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

const seed = `
zones:
  - name: saas.example
    settings: {min_tls_version: 1.2}
    custom_hostnames:
      - {hostname: app.test}
      - {hostname: open.test, ssl: {settings: {min_tls_version: 1.0}}}
      - {hostname: modern.test, ssl: {settings: {min_tls_version: 1.2, ciphers: [ECDHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES128-GCM-SHA256]}}}
      - {hostname: reset.test}
      - {hostname: hang.test}
      - {hostname: mail.test}
edge_faults:
  - {kind: reset, name: reset.test}
  - {kind: hang, name: hang.test}
  - {kind: no-http, name: mail.test}
`

// startEdge returns a sandbox and the address of its edge.
func startEdge(t testing.TB, text string) (*sandbox.Server, string) {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	srv := sandbox.New(parsed, sandbox.Options{})
	edge, err := sandbox.NewEdge(srv)
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	go func() { _ = edge.Serve(ln) }() // until it is closed
	t.Cleanup(func() { _ = edge.Close(); srv.Close() })
	return srv, ln.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func options() Options {
	return Options{Concurrency: 4, Timeout: 5 * time.Second, Done: func() {}, Wait: func(ctx context.Context, d time.Duration) error { return ctx.Err() }}
}

func expected(name, minimum, list string) compare.Expected {
	e := compare.Expected{Name: name, Minimum: &compare.Want{Value: schema.StringValue(minimum)}}
	if list != "" {
		e.Ciphers = &compare.Want{Value: schema.ListValue(strings.Fields(list))}
	}
	return e
}

func at(address string, e compare.Expected) Target {
	return Target{Expected: e, Network: "tcp", Address: address}
}

// outcomes shows the answers of one name in a line.
func outcomes(t testing.TB, target Target, o Options) string {
	t.Helper()
	answers, err := Run(t.Context(), []Target{target}, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range answers[0].Hellos {
		text := fmt.Sprintf("%s %s", x.Version.Value().Text(), x.Outcome)
		if x.Outcome == compare.Accepted {
			text += " " + x.Suite
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestOutcomesAreToldApart(t *testing.T) {
	_, edge := startEdge(t, seed)
	nobody := listen(t)
	_ = nobody.Close()
	short := options()
	short.Timeout, short.Retries = 300*time.Millisecond, 1

	for _, tc := range []struct {
		name    string
		target  Target
		options Options
		want    string
	}{
		{"refused", at(edge, expected("app.test", "1.2", "")), options(),
			"1.3 accepted TLS_AES_128_GCM_SHA256, 1.2 accepted ECDHE-ECDSA-AES128-GCM-SHA256, 1.1 refused, 1.0 refused, 1.2 refused, 1.2 refused, 1.2 refused"},
		{"forbidden suites in one hello", at(edge, expected("modern.test", "1.2", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256")), options(),
			"1.3 accepted TLS_AES_128_GCM_SHA256, 1.2 accepted ECDHE-ECDSA-AES128-GCM-SHA256, 1.1 refused, 1.0 refused, 1.2 refused, 1.2 refused, 1.2 refused, 1.2 refused"},
		{"reset", at(edge, expected("reset.test", "1.2", "")), short, "1.3 unreachable, 1.2 unreachable"},
		{"time-out", at(edge, expected("hang.test", "1.2", "")), short, "1.3 unreachable, 1.2 unreachable"},
		{"nobody listens", at(nobody.Addr().String(), expected("app.test", "1.2", "")), short, "1.3 unreachable, 1.2 unreachable"},
		{"another protocol", at(edge, expected("mail.test", "1.2", "")), options(),
			"1.3 no HTTP, 1.2 no HTTP, 1.1 refused, 1.0 refused, 1.2 refused, 1.2 refused, 1.2 refused"},
		{"refused after hello", at(afterHello(t), expected("app.test", "1.2", "")), options(),
			"1.3 refused by tlsync, 1.2 refused after hello, 1.1 refused by tlsync, 1.0 refused by tlsync, 1.2 refused after hello, 1.2 refused after hello, 1.2 refused after hello"},
	} {
		if got := outcomes(t, tc.target, tc.options); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// afterHello answers every client with a hello for TLS 1.2 and the first suite that the client
// offers, and then refuses.
func afterHello(t *testing.T) string {
	t.Helper()
	ln := listen(t)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerHello(conn)
		}
	}()
	return ln.Addr().String()
}

func answerHello(conn net.Conn) {
	defer conn.Close()
	record := make([]byte, 4096)
	n, err := conn.Read(record)
	if err != nil {
		return
	}
	suite := (&witness{sent: record[:n]}).offered()[0]
	body := join([]byte{3, 3}, make([]byte, 32), []byte{0}, words(suite), []byte{0})
	_, _ = conn.Write(join([]byte{recordHandshake, 3, 3}, vector(2, join([]byte{serverHello}, vector(3, body)))))
	_, _ = conn.Write([]byte{recordAlert, 3, 3, 0, 2, 2, 40})
	_, _ = conn.Read(record) // until the client has read it
}

// Every hello that can be planned offers what it says, and something: a server that reads no
// suite refuses, and that would look like a refusal of those that were never offered.
func TestHellosOfferWhatTheySay(t *testing.T) {
	heard := make(chan []uint16, 1)
	ln := tls.NewListener(listen(t), &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		heard <- slices.Clone(h.CipherSuites)
		return nil, fmt.Errorf("enough")
	}})
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()

	o := options()
	p := &prober{target: &Target{Expected: compare.Expected{Name: "app.test"}, Network: "tcp", Address: ln.Addr().String()}, o: &o, pace: &pacer{}}
	hellos := compare.First()
	for _, v := range compare.Versions() {
		for _, s := range schema.Suites() {
			if h, ok := compare.OfSuites(v, []string{s.Name}); ok {
				hellos = append(hellos, h)
			}
		}
	}
	for _, list := range schema.CipherLists() {
		hellos = append(hellos, compare.Forbidden(schema.CipherList(list), compare.TLS10)...)
	}

	ids := suiteIDs()
	for _, h := range hellos {
		if x := p.ask(t.Context(), h); x.Outcome != compare.Refused {
			t.Fatalf("%s %v: %s %s", h.Version(), h.Suites(), x.Outcome, x.Why)
		}
		got := <-heard
		var want []uint16
		for _, name := range h.Suites() {
			want = append(want, ids[name])
		}
		if h.Version() != compare.TLS13 && !sameSuites(got, want) || len(got) == 0 {
			t.Errorf("%s %v: offered %x", h.Version(), h.Suites(), got)
		}
	}
	for _, suite := range compare.Odd() {
		p.askOdd(t.Context(), suite)
		if got := <-heard; len(got) != 1 || got[0] != oddSuiteOf(suite).id {
			t.Errorf("%s: offered %x", suite, got)
		}
	}
}

// A hello that nobody planned, and one with a suite that crypto/tls lacks, are not sent.
func TestNoHelloIsEmpty(t *testing.T) {
	if _, err := configFor("app.test", compare.Hello{}); err == nil {
		t.Error("the zero hello can be sent")
	}
	for _, v := range compare.Versions() {
		for _, suites := range [][]string{nil, {"ECDHE-RSA-AES256-SHA384"}, {"NULL-MD5"}} {
			if h, ok := compare.OfSuites(v, suites); ok {
				t.Errorf("%s with %v: %v", v, suites, h)
			}
		}
	}
	if _, ok := compare.OfSuites(compare.TLS10, []string{"ECDHE-RSA-AES128-GCM-SHA256"}); ok {
		t.Error("TLS 1.0 with a suite of TLS 1.2")
	}
}

// Suites that are accepted are taken out of the hello until the rest is refused.
func TestEverySuiteThatGetsThroughIsFound(t *testing.T) {
	srv, edge := startEdge(t, seed)
	for _, suite := range []string{"AES128-SHA", "DES-CBC3-SHA"} {
		if err := srv.AddEdgeFault(sandbox.EdgeFault{Kind: sandbox.EdgeKeepSuite, Name: "modern.test", Suite: suite}); err != nil {
			t.Fatal(err)
		}
	}
	got := outcomes(t, at(edge, expected("modern.test", "1.2", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256")), options())
	for _, want := range []string{"1.2 accepted AES128-SHA", "1.2 accepted DES-CBC3-SHA"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

// A handshake that is completed, and after which nothing comes, accepts nothing.
func TestSilenceAfterTheHandshakeAcceptsNothing(t *testing.T) {
	certificate, err := tls.X509KeyPair(pair(t, true))
	if err != nil {
		t.Fatal(err)
	}
	ln := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificate}})
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake()
				_, _ = conn.Read(make([]byte, 1024))
				_ = conn.Close()
			}()
		}
	}()
	got := outcomes(t, at(ln.Addr().String(), expected("app.test", "1.2", "")), options())
	if !strings.HasPrefix(got, "1.3 no HTTP, 1.2 no HTTP, 1.1 refused") {
		t.Error(got)
	}
}

// A reset says nothing, so it is tried again.
func TestAResetIsTriedAgain(t *testing.T) {
	_, edge := startEdge(t, seed)
	ln := listen(t)
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if n%2 == 0 {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
				continue
			}
			to, err := net.Dial("tcp", edge)
			if err != nil {
				_ = conn.Close()
				return
			}
			go func() { _, _ = io.Copy(to, conn); _ = to.Close() }()
			go func() { _, _ = io.Copy(conn, to); _ = conn.Close() }()
		}
	}()

	o := options()
	o.Retries = 1
	answers, err := Run(t.Context(), []Target{at(ln.Addr().String(), expected("app.test", "1.2", ""))}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range answers[0].Hellos {
		if x.Attempts != 2 || x.Outcome == compare.Unreachable {
			t.Errorf("%s: %+v", x.Version, x)
		}
	}
}

// Each family of addresses is probed by itself.
func TestFamiliesOfAddresses(t *testing.T) {
	_, edge := startEdge(t, seed)
	for network, want := range map[string]compare.Outcome{"tcp4": compare.Accepted, "tcp6": compare.Unreachable} {
		target := at(edge, expected("app.test", "1.2", ""))
		target.Network = network
		answers, err := Run(t.Context(), []Target{target}, options())
		if err != nil {
			t.Fatal(err)
		}
		if got := answers[0].Hellos[0].Outcome; got != want {
			t.Errorf("%s to an address of IPv4: %s", network, got)
		}
	}
}

func TestFacts(t *testing.T) {
	_, edge := startEdge(t, seed)
	answers, err := Run(t.Context(), []Target{at(edge, expected("app.test", "1.2", ""))}, options())
	if err != nil {
		t.Fatal(err)
	}
	f := answers[0].Facts
	if f == nil || f.Version != compare.TLS13 || f.Exchange != "X25519MLKEM768" || f.Protocol != "http/1.1" || f.Issuer != "CN=tlsync sandbox" || f.Expires.IsZero() {
		t.Errorf("facts: %+v", f)
	}
}

// An interrupt ends a probe at once.
func TestAnInterruptEndsTheProbe(t *testing.T) {
	_, edge := startEdge(t, seed)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	targets := slices.Repeat([]Target{at(edge, expected("hang.test", "1.2", ""))}, 20)
	begin := time.Now()
	if _, err := Run(ctx, targets, options()); err == nil || time.Since(begin) > 3*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

// 1,000 names with nine connections each, within a minute on two processors.
func TestAThousandNames(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	_, edge := startEdge(t, seed)
	targets := slices.Repeat([]Target{at(edge, expected("modern.test", "1.2", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256"))}, 1000)
	begin := time.Now()
	answers, err := Run(t.Context(), targets, options())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if len(a.Hellos) != 8 || a.Facts == nil {
			t.Fatalf("%d hellos, facts %v", len(a.Hellos), a.Facts)
		}
	}
	t.Logf("9,000 connections in %s", time.Since(begin))
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("9,000 connections took %s", took)
	}
}
