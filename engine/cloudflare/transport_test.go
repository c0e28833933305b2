package cloudflare

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/plan"
)

// onServer are options for a real server, without delays between attempts.
func onServer(s *httptest.Server) Options {
	return Options{
		BaseURL: s.URL + "/client/v4", Credentials: Credentials{Token: canary},
		jitter: func(time.Duration) time.Duration { return 0 },
	}
}

// hijack gives the handler the bare connection after it has read the request.
func hijack(w http.ResponseWriter, use func(net.Conn, *bufio.ReadWriter)) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	use(conn, rw)
}

func reset(w http.ResponseWriter, _ *http.Request) {
	hijack(w, func(c net.Conn, _ *bufio.ReadWriter) { c.(*net.TCPConn).SetLinger(0) })
}

func cut(w http.ResponseWriter, _ *http.Request) {
	hijack(w, func(_ net.Conn, rw *bufio.ReadWriter) {
		fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n%s", `{"success":true,"result":[`)
		rw.Flush()
	})
}

func cutGzip(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0xab})
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cf-Ray", "8f00ray")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const failure = `{"success":false,"errors":[{"code":1234,"message":"something is wrong."}],"messages":[],"result":null}`

// An answer decides for a read and for a write how often the request is sent
// and whether the outcome of the write is known.
func TestFaults(t *testing.T) {
	type row struct {
		name    string
		h       http.HandlerFunc
		reads   int
		unknown bool
		message string
	}
	rows := []row{
		{"reset", reset, 3, true, ""},
		{"answer cut short", cut, 3, true, "unexpected EOF"},
		{"compressed answer cut short", cutGzip, 3, true, "unexpected EOF"},
		{"broken JSON", answer(200, "application/json", `{"success":true,"result":[`), 3, true, "the answer is not JSON"},
		{"deep JSON", answer(200, "application/json", strings.Repeat("[", 100_000)), 3, true, "the answer is not JSON"},
		{"empty answer", answer(200, "application/json", ``), 3, true, "the answer is empty"},
		{"a portal's page", answer(200, "text/html; charset=utf-8", "<html><body>Log in</body></html>"), 1, true, "/client/v4/zones/" + zoneA + "/settings/x answered with text/html; charset=utf-8 instead of JSON; check CLOUDFLARE_BASE_URL"},
		{"a page that calls itself JSON", answer(200, "application/json", "\n<!DOCTYPE html>"), 1, true, "check CLOUDFLARE_BASE_URL"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.test/x", http.StatusTemporaryRedirect)
		}, 1, false, "307: a redirect to https://elsewhere.test, which is not followed"},
		{"a redirect to nowhere", answer(301, "", ""), 1, false, "301: a redirect, which is not followed"},
		{"408", answer(408, "application/json", failure), 3, true, "408 (code 1234: something is wrong) (ray 8f00ray)"},
		{"425", answer(425, "application/json", failure), 3, false, "425 (code 1234"},
		{"a page of an error", answer(403, "text/html", "<html><style>p{}</style><script>x=1</script><h1>Access\n denied</h1>\x1b[31m</html>"), 1, false, "403: Access denied \\u001b[31m: the answer is a web page and not from the API: check whether a proxy, a firewall or a bot check stands between"},
	}
	for _, s := range []int{400, 401, 403, 404, 405, 409, 422, 451} {
		rows = append(rows, row{fmt.Sprint(s), answer(s, "application/json", failure), 1, false, fmt.Sprintf("%d (code 1234: something is wrong)", s)})
	}
	for _, s := range []int{500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530} {
		rows = append(rows, row{fmt.Sprint(s), answer(s, "application/json", failure), 3, true, fmt.Sprintf("%d (code 1234: something is wrong) (ray 8f00ray)", s)})
		rows = append(rows, row{fmt.Sprint(s, " with a page"), answer(s, "text/html", "<title>Web server is down</title>"+strings.Repeat("x ", 5000)), 3, true, fmt.Sprintf("%d: Web server is down x x", s)})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				io.Copy(io.Discard, r.Body)
				tt.h(w, r)
			}))
			defer server.Close()
			w := writer(t, onServer(server))
			check := func(what string, err error, sent int, unknown bool) {
				t.Helper()
				var failed *Error
				if !errors.As(err, &failed) {
					t.Fatalf("%s: %v", what, err)
				}
				if got := int(n.Swap(0)); got != sent {
					t.Errorf("%s: sent %d times, want %d", what, got, sent)
				}
				if failed.OutcomeUnknown() != unknown {
					t.Errorf("%s: outcome unknown: %t, want %t", what, !unknown, unknown)
				}
				msg := err.Error()
				if !strings.Contains(msg, tt.message) {
					t.Errorf("%s: %q\nlacks %q", what, msg, tt.message)
				}
				if len(msg) > 600 || strings.ContainsAny(msg, "\n\x1b<") {
					t.Errorf("%s: not fit to be shown: %q", what, msg)
				}
			}
			_, err := readSetting(t.Context(), w.clients[0], zoneA, "x")
			check("read", err, tt.reads, false)
			_, err = w.Write(t.Context(), settingChange("x"), plan.Request{Method: "PATCH", Path: "/zones/" + zoneA + "/settings/x", Body: `{"value":1}`})
			check("write", err, 1, tt.unknown)
		})
	}
}

// A write is accepted if its status needs no body. A read is not.
func TestTakenWithoutBody(t *testing.T) {
	for status, accepted := range map[int]bool{200: false, 202: true, 204: true} {
		var n atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			answer(status, "", "")(w, r)
		}))
		w := writer(t, onServer(server))
		if _, err := readSetting(t.Context(), w.clients[0], zoneA, "x"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d: the answer is empty", status)) || n.Swap(0) != 3 {
			t.Errorf("%d: read: %v", status, err)
		}
		o, err := w.Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`})
		var failed *Error
		unknown := errors.As(err, &failed) && failed.OutcomeUnknown()
		if (err == nil) != accepted || unknown == accepted || o != (plan.Object{}) || n.Load() != 1 {
			t.Errorf("%d: write: %+v, %v", status, o, err)
		}
		server.Close()
	}
}

// Redirects are not followed, so no credential goes to another host.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("followed: %v", r.Header) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/client/v4/zones", status))
		o := onServer(server)
		o.Credentials = Credentials{Email: "me@example.com", Key: canary}
		if _, err := reader(t, o).Fetch(t.Context(), scope("a.example")); err == nil {
			t.Errorf("%d: no error", status)
		}
		server.Close()
	}
}

// A read succeeds if one of three attempts does.
func TestReadIsRetried(t *testing.T) {
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			reset(w, r)
		case 2:
			cut(w, r)
		default:
			write(w, 200, ok(`{"id":"x","value":"on"}`))
		}
	}))
	defer server.Close()
	r := reader(t, onServer(server))
	if s, err := readSetting(t.Context(), r.clients[0], zoneA, "x"); err != nil || s.Raw != `"on"` {
		t.Errorf("%+v, %v", s, err)
	}
	if r.Requests().Read != 1 {
		t.Errorf("counted %+v", r.Requests())
	}
}

// A write that surely did not arrive is sent again.
func TestUnsentWriteIsRepeated(t *testing.T) {
	f := patchable()
	dials := 0
	o := options(f)
	o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if dials++; dials < 3 {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}
		return direct{handler: f}.RoundTrip(r)
	})
	if err := sendAll(t.Context(), writer(t, o), 1, 1); err != nil || dials != 3 || len(f.seen) != 1 {
		t.Errorf("%v after %d dials, %d arrived", err, dials, len(f.seen))
	}
	if got := f.seen[0].body; got != `{"ssl":{}}` {
		t.Errorf("the body that arrived is %q", got)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// No server, no TLS, an unknown host name: the messages are clear, and the
// outcome of a write is known.
func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var conns atomic.Int32
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	var handshakes atomic.Int32
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	untrusted.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			handshakes.Add(1)
		}
	}
	untrusted.StartTLS()
	defer untrusted.Close()
	for _, tt := range []struct{ name, base, message string }{
		{"refused", closed.URL, "connection refused"},
		{"no TLS", "https://" + plain.Addr().String(), "does not look like a TLS handshake"},
		{"untrusted certificate", untrusted.URL, "certificate signed by unknown authority"},
	} {
		w := writer(t, Options{BaseURL: tt.base, Credentials: Credentials{Token: canary}, jitter: func(time.Duration) time.Duration { return 0 }})
		_, err := w.Write(t.Context(), hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`})
		var failed *Error
		if !errors.As(err, &failed) || failed.OutcomeUnknown() || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if conns.Load() != 3 {
		t.Errorf("a failed handshake was tried %d times", conns.Load())
	}
	if handshakes.Load() != 1 {
		t.Errorf("an untrusted certificate was tried %d times", handshakes.Load())
	}
}

// The message about an unreachable proxy names it, without its password.
func TestProxy(t *testing.T) {
	o := options(nil)
	base := network(1).(*http.Transport)
	base.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://user:" + canary[:12] + "@127.0.0.1:1") }
	o.Transport = base
	o.jitter = func(time.Duration) time.Duration { return 0 }
	_, err := reader(t, o).Fetch(t.Context(), scope("a.example"))
	if err == nil || !strings.Contains(err.Error(), "via proxy http://127.0.0.1:1: ") || strings.Contains(err.Error(), canary[:12]) {
		t.Errorf("%v", err)
	}
}

// A server never begins its answer, or never ends it.
func TestSlowServer(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"black hole": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"trickle": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		},
	} {
		writes := make(chan struct{}, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PATCH" {
				writes <- struct{}{}
			}
			h(w, r)
		}))
		o := onServer(server)
		o.Timeout = 50 * time.Millisecond
		_, err := readSetting(t.Context(), writer(t, o).clients[0], zoneA, "x")
		if err == nil || !strings.Contains(err.Error(), "no complete answer within 50ms") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-writes
			cancel()
		}()
		o.Timeout = 500 * time.Millisecond // which a write in flight still has
		_, err = writer(t, o).Write(ctx, hostnameChange(1), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1))})
		var failed *Error
		if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) || !failed.OutcomeUnknown() {
			t.Errorf("%s, cancelled: %v", name, err)
		}
		server.CloseClientConnections()
		server.Close()
	}
}

func TestDelaysAndTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4/", 503, "{}")
		o := options(f)
		o.jitter = func(limit time.Duration) time.Duration { return limit / 2 }
		r := reader(t, o)
		readSetting(t.Context(), r.clients[0], zoneA, "x")
		// The jitter is half of 0.5 s, then half of 1 s.
		if len(f.seen) != 3 || f.seen[1].at != 250*time.Millisecond || f.seen[2].at != 750*time.Millisecond {
			t.Errorf("%+v", f.seen)
		}
		// Ten retries are allowed in total, and more only after a success.
		for range 20 {
			readSetting(t.Context(), r.clients[0], zoneA, "x")
		}
		if n := len(f.seen); n != 21+10 {
			t.Errorf("%d requests for 21 reads", n)
		}
	})
	for path, want := range map[string]time.Duration{"/zones/x": 30 * time.Second, "/zones?page=1&per_page=50": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			o := options(nil)
			o.Transport = direct{nil, time.Hour}
			o.jitter = func(time.Duration) time.Duration { return 0 }
			if _, err := reader(t, o).clients[0].get(t.Context(), path); err == nil || time.Since(start) != 3*want {
				t.Errorf("%s: three attempts took %s: %v", path, time.Since(start), err)
			}
		})
	}
}

// An answer that is too large is an error and does not fill the memory.
func TestHugeAnswer(t *testing.T) {
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for announced, most := range map[bool]int64{true: 20 << 20, false: 100 << 20} {
		var sent atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if announced {
				w.Header().Set("Content-Length", fmt.Sprint(200<<20))
			}
			for range 200 {
				n, err := w.Write(chunk)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}))
		_, err := readSetting(t.Context(), reader(t, onServer(server)).clients[0], zoneA, "x")
		server.Close()
		if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") || sent.Load() > most {
			t.Errorf("announced %t: %v after %d MiB", announced, err, sent.Load()>>20)
		}
	}
}

// Every body is read to its end or closed, so connections are reused.
func TestConnectionsAreReused(t *testing.T) {
	var conns, n atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%2 == 0 {
			write(w, 503, failure)
			return
		}
		write(w, 200, ok(`{"id":"x","value":"on"}`))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	r := reader(t, onServer(server))
	for range 50 {
		readSetting(t.Context(), r.clients[0], zoneA, "x")
	}
	if conns.Load() > 2 {
		t.Errorf("%d connections for %d requests in a row", conns.Load(), n.Load())
	}
}

// closing is a body that records whether it was closed.
type closing struct {
	io.Reader
	closed *atomic.Int32
}

func (c closing) Close() error {
	c.closed.Add(1)
	return nil
}

// Every body is closed, whatever its content.
func TestBodiesAreClosed(t *testing.T) {
	for _, status := range []int{200, 302, 403, 503} {
		var opened int32
		var closed atomic.Int32
		o := options(nil)
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			opened++
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: closing{strings.NewReader("{}"), &closed}}, nil
		})
		readSetting(t.Context(), reader(t, o).clients[0], zoneA, "x")
		if opened == 0 || closed.Load() != opened {
			t.Errorf("%d: %d of %d bodies were closed", status, closed.Load(), opened)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Credentials{Token: canary}
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, "no credentials"},
		{Options{Credentials: Credentials{Email: "me@example.com"}}, "incomplete"},
		{Options{Credentials: Credentials{Token: canary + "\n"}}, "character that cannot be sent"},
		{Options{Credentials: Credentials{Email: "me@example.com", Key: "“" + canary}}, "character that cannot be sent"},
		{Options{Credentials: good, BaseURL: "http://api.cloudflare.com/client/v4"}, "not https"},
		{Options{Credentials: good, BaseURL: "http://127.0.0.1.evil.test/"}, "not https"},
		{Options{Credentials: good, BaseURL: "ftp://127.0.0.1/"}, "not https"},
		{Options{Credentials: good, BaseURL: "https://user:" + canary[:12] + "@api.test/client/v4"}, "contains a user name"},
		{Options{Credentials: good, BaseURL: "https://user:" + canary[:12] + "%zz@api.test/client/v4"}, "base URL is invalid"},
		{Options{Credentials: good, BaseURL: "https://api.test/client/v4?x=1"}, "query"},
		{Options{Credentials: good, BaseURL: "/client/v4"}, "no host"},
		{Options{Credentials: good, Rate: Rate{0, time.Second}}, "out of range"},
		{Options{Accounts: map[string]Credentials{"Acme": {}}}, `account "Acme"`},
	} {
		_, err := NewWriter(tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), canary[:12]) {
			t.Errorf("%+v: %v", tt.o, err)
		}
	}
	for _, base := range []string{"", "https://api.test/client/v4/", "http://127.0.0.1:8080/client/v4", "http://[::1]:1", "http://localhost/x"} {
		if _, err := NewReader(Options{Credentials: good, BaseURL: base}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
