package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"tlsync/engine/probe/compare"
)

// fail says what came of an attempt that ended with an error. helloSeen says that the server
// had chosen a version and a suite.
func fail(x *compare.Answer, helloSeen bool, err error) {
	x.Why = reason(err)
	switch {
	case fromServer(err) && helloSeen:
		x.Outcome = compare.RefusedAfterHello
	case fromServer(err):
		x.Outcome = compare.Refused
	case ofNetwork(err):
		x.Outcome = compare.Unreachable
	default:
		x.Outcome = compare.Local
	}
}

// fromServer reports whether an error is an alert that the server sent.
func fromServer(err error) bool {
	var op *net.OpError
	var alert alertError
	return errors.As(err, &alert) || errors.As(err, &op) && op.Op == "remote error"
}

// ofNetwork reports whether an error is one of the connection, and not of TLS.
func ofNetwork(err error) bool {
	var op *net.OpError
	var code syscall.Errno
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
		return true
	case errors.As(err, &code):
		return true
	}
	return errors.As(err, &op) && op.Op != "local error" && op.Op != "remote error"
}

// reason says in a few words why an attempt failed. It never contains a port of this side or
// anything else that differs from run to run.
func reason(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, net.ErrClosed):
		return "timed out"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an alert"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name has no address"
	case errors.As(err, &dns):
		return "the name could not be looked up"
	case errors.As(err, &op) && op.Err != nil:
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}

// request asks for as little as HTTP can.
func request(host string) string {
	return "GET / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: tlsync\r\nConnection: close\r\n\r\n"
}

// exchange sends one request over a completed handshake and reads the status line.
func exchange(x *compare.Answer, conn io.ReadWriter, host string) {
	_, err := io.WriteString(conn, request(host))
	var line string
	if err == nil {
		// A status line is short; a server that never ends its first line is not HTTP.
		line, err = bufio.NewReader(io.LimitReader(conn, 4096)).ReadString('\n')
	}

	switch status, ok := statusOf(line); {
	case ok:
		x.Outcome, x.Status = compare.Accepted, status
	case err != nil && fromServer(err):
		fail(x, true, err)
	case line == "" && err != nil:
		x.Outcome, x.Why = compare.NoHTTP, reason(err)
	default:
		x.Outcome, x.Why = compare.NoHTTP, "the answer is not HTTP"
	}
}

// statusOf reads a status line.
func statusOf(line string) (int, bool) {
	var major, minor, status int
	n, err := fmt.Sscanf(line, "HTTP/%d.%d %3d", &major, &minor, &status)
	return status, err == nil && n == 3 && status >= 100 && http.StatusText(status/100*100) != ""
}
