package sandbox

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// EdgeFault makes the edge do something else than the state says, for as long as it is
// set.
type EdgeFault struct {
	// Kind is one of EdgeIgnoreMinimum, EdgeKeepSuite, EdgeAdmit, EdgeReset, EdgeHang and
	// EdgeNoHTTP.
	Kind string `yaml:"kind"`
	// Name is the SNI name that it affects; empty means every name.
	Name string `yaml:"name"`
	// Suite is the suite that EdgeKeepSuite keeps, as lists of ciphers name it.
	Suite string `yaml:"suite"`
}

// Kinds of faults of the edge.
const (
	EdgeIgnoreMinimum = "ignore-minimum" // accepts TLS 1.0 and newer
	EdgeKeepSuite     = "keep-suite"     // accepts a suite that is not in the list
	EdgeAdmit         = "admit"          // neither asks for client certificates nor refuses requests
	EdgeReset         = "reset"          // resets the connection after the hello of the client
	EdgeHang          = "hang"           // never answers the hello
	EdgeNoHTTP        = "no-http"        // completes handshakes and speaks another protocol
)

// AddEdgeFault makes the edge misbehave from now on.
func (s *Server) AddEdgeFault(f EdgeFault) error {
	if err := f.check(); err != nil {
		return err
	}
	f.Name = strings.ToLower(f.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edgeFaults = append(s.edgeFaults, f)
	return nil
}

// ClearEdgeFaults makes the edge enforce the state again.
func (s *Server) ClearEdgeFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edgeFaults = nil
}

func (f EdgeFault) check() error {
	kinds := []string{EdgeIgnoreMinimum, EdgeKeepSuite, EdgeAdmit, EdgeReset, EdgeHang, EdgeNoHTTP}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("kind %q: want one of %s", f.Kind, strings.Join(kinds, ", "))
	case f.Kind == EdgeKeepSuite && suites[f.Suite] == 0:
		return fmt.Errorf("suite %q: want a suite that crypto/tls has", f.Suite)
	case f.Kind != EdgeKeepSuite && f.Suite != "":
		return fmt.Errorf("suite: only %s takes one", EdgeKeepSuite)
	}
	return nil
}

// edgeFaultsOf returns the faults that affect a name.
func (s *Server) edgeFaultsOf(name string) []EdgeFault {
	s.mu.Lock()
	defer s.mu.Unlock()

	name = strings.ToLower(strings.TrimSuffix(name, "."))
	var out []EdgeFault
	for _, f := range s.edgeFaults {
		if f.Name == "" || f.Name == name {
			out = append(out, f)
		}
	}
	return out
}

func misbehaves(faults []EdgeFault, kind string) bool {
	return slices.ContainsFunc(faults, func(f EdgeFault) bool { return f.Kind == kind })
}

// disturb does to a connection what the faults of a name say. The returned error ends the
// handshake.
func disturb(conn net.Conn, faults []EdgeFault) error {
	switch {
	case misbehaves(faults, EdgeReset):
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		return net.ErrClosed
	case misbehaves(faults, EdgeHang):
		_, _ = io.Copy(io.Discard, conn) // until the client or the edge closes it
		return net.ErrClosed
	}
	return nil
}

// loosen changes the configuration of a handshake as the faults of a name say.
func loosen(cfg *tls.Config, faults []EdgeFault) {
	for _, f := range faults {
		switch f.Kind {
		case EdgeIgnoreMinimum:
			cfg.MinVersion = tls.VersionTLS10
		case EdgeKeepSuite:
			cfg.CipherSuites = append(cfg.CipherSuites, suites[f.Suite])
		case EdgeAdmit:
			cfg.ClientAuth = tls.NoClientCert
		}
	}
}

// speakNoHTTP answers a request in another protocol.
func speakNoHTTP(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // then the server closes the connection
	}
	_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
	_ = conn.Close()
}
