package probe

import (
	"encoding/binary"
	"net"
	"slices"
)

// witness is a connection that keeps the start of what goes over it in each direction: the
// hellos are not encrypted.
type witness struct {
	net.Conn
	sent, heard []byte
}

// keep is more than a hello of ours, and more than a server's hello needs.
const keep = 4096

// Read reads from the connection.
func (w *witness) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.heard = append(w.heard, b[:min(n, keep-len(w.heard))]...)
	return n, err
}

// Write writes to the connection.
func (w *witness) Write(b []byte) (int, error) {
	w.sent = append(w.sent, b[:min(len(b), keep-len(w.sent))]...)
	return w.Conn.Write(b)
}

// Types of records and of handshake messages.
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23

	clientHello = 1
	serverHello = 2
)

// hello returns the body of a hello that begins a direction, without its version and random
// bytes: it begins with the session id. It returns nil if there is none.
func hello(start []byte, message byte) []byte {
	const header, fixed = 5 + 4, 2 + 32
	if len(start) <= header+fixed || start[0] != recordHandshake || start[5] != message {
		return nil
	}
	rest := start[header+fixed:]
	id := int(rest[0])
	if len(rest) < 1+id {
		return nil
	}
	return rest[1+id:]
}

// offered returns the suites of the hello that was sent.
func (w *witness) offered() []uint16 {
	body := hello(w.sent, clientHello)
	if len(body) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(body))
	if len(body) < 2+n {
		return nil
	}
	var out []uint16
	for suites := body[2 : 2+n]; len(suites) >= 2; suites = suites[2:] {
		out = append(out, binary.BigEndian.Uint16(suites))
	}
	return out
}

// chosen returns the suite of the server's hello; it reports false if none came.
func (w *witness) chosen() (uint16, bool) {
	body := hello(w.heard, serverHello)
	if len(body) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(body), true
}

// sameSuites compares suites in any order.
func sameSuites(a, b []uint16) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
