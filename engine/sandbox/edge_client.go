package sandbox

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Access at the edge: a name that has an application or is associated with a
// certificate authority is asked for a client certificate. The handshake succeeds
// with any certificate or none. As at Cloudflare, the request is refused, with 403.
// A name without an application lets everybody in, an application without a policy
// nobody.
//
// Policies with the decision bypass or non_identity can let a request in. The
// decision allow needs a login, which does not exist here, so it lets nobody in.
// Rules about the client certificate and "everyone" are evaluated; other rules match
// nobody. A certificate is valid if the uploaded certificates link it to the root of
// an authority that the name is associated with.

// frontage is the state of an account as the edge enforces it. Each write makes a
// new one.
type frontage struct {
	gates   map[string][]gate                // by hostname, or "*." and its parent; the longest path first
	chains  map[string][][]*x509.Certificate // of the authorities, by hostname
	forward map[string]bool
}

// gate is an application as one of its domains has it.
type gate struct {
	path     string // without slashes at the ends
	policies []accessPolicy
}

// frontage returns the state that the edge is going to enforce.
func (a *account) frontage() *frontage {
	f := &frontage{gates: map[string][]gate{}, chains: map[string][][]*x509.Certificate{}, forward: map[string]bool{}}
	for _, app := range a.applications {
		var policies []accessPolicy
		for _, g := range app.policies {
			policies = append(policies, *g.policy)
		}
		for _, domain := range app.domains {
			host, below, _ := strings.Cut(domain, "/")
			f.gates[host] = append(f.gates[host], gate{strings.Trim(below, "/"), policies})
		}
	}
	for _, gates := range f.gates {
		slices.SortStableFunc(gates, func(x, y gate) int { return cmp.Compare(len(y.path), len(x.path)) })
	}

	for _, ca := range a.authorities {
		for _, name := range ca.hosts {
			f.chains[name] = append(f.chains[name], ca.chain)
		}
	}
	for name, set := range a.forwarding {
		f.forward[name] = set.Forward
	}
	return f
}

// publish sends the state of an account towards the edge.
func (s *Server) publish(a *account) {
	f := a.frontage()
	s.deploy(func() { a.edge = f })
}

// entrance is the part of Access that protects one name.
type entrance struct {
	gates   []gate
	chains  [][]*x509.Certificate
	forward bool
}

// entranceOf returns the entrance of a name.
func (s *Server) entranceOf(name string) entrance {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now())

	name = strings.ToLower(strings.TrimSuffix(name, "."))
	_, parent, _ := strings.Cut(name, ".")
	for _, a := range s.accounts {
		if a.edge == nil {
			continue
		}
		in := entrance{a.edge.gates[name], a.edge.chains[name], a.edge.forward[name]}
		if in.gates == nil {
			in.gates = a.edge.gates["*."+parent]
		}
		if in.asks() {
			return in
		}
	}
	return entrance{}
}

// asks reports whether the edge asks clients for a certificate.
func (in entrance) asks() bool { return len(in.gates) > 0 || len(in.chains) > 0 }

// trusts reports whether one of the name's authorities issued a client's
// certificate. client is nil if the client has none.
func (in entrance) trusts(client *x509.Certificate) bool {
	return client != nil && slices.ContainsFunc(in.chains, func(chain []*x509.Certificate) bool {
		if len(chain) == 0 {
			return false
		}
		last := len(chain) - 1
		opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		opts.Roots.AddCert(chain[last])
		for _, crt := range chain[:last] {
			opts.Intermediates.AddCert(crt)
		}
		_, err := client.Verify(opts)
		return err == nil
	})
}

// refuses says why a request is not let in, "" if it is let in.
func (in entrance) refuses(urlPath string, client *x509.Certificate) string {
	below := strings.Trim(path.Clean("/"+urlPath), "/")
	i := slices.IndexFunc(in.gates, func(g gate) bool {
		return g.path == "" || below == g.path || strings.HasPrefix(below, g.path+"/")
	})
	if i < 0 {
		return ""
	}

	valid := in.trusts(client)
	matches := func(rule json.RawMessage) bool { return ruleMatches(rule, client, valid) }
	for _, p := range in.gates[i].policies {
		if (p.decision == "bypass" || p.decision == "non_identity") && slices.ContainsFunc(p.include, matches) &&
			!slices.ContainsFunc(p.exclude, matches) && !slices.ContainsFunc(p.require, func(r json.RawMessage) bool { return !matches(r) }) {
			return ""
		}
	}

	switch {
	case len(in.gates[i].policies) == 0:
		return "the application has no policy"
	case client == nil:
		return "no policy lets in a client without a certificate"
	case !valid:
		return "no authority of this hostname issued the client certificate"
	}
	return "no policy lets this client in"
}

// ruleMatches reports whether a rule applies to a client; valid says that its
// certificate is.
func ruleMatches(rule json.RawMessage, client *x509.Certificate, valid bool) bool {
	m, _ := fields(rule) // readPolicy has checked it
	for kind, value := range m {
		switch kind {
		case "everyone":
			return true
		case "certificate":
			return valid
		case "common_name":
			return valid && as[map[string]string](value)["common_name"] == client.Subject.CommonName
		}
	}
	return false
}

// serve answers a request with what was negotiated and says whether a valid client
// certificate is forwarded to the origin, with its SHA-256 digest. It also checks
// the host that the request names: otherwise a client could evade Access with
// another name in the handshake.
func (e *Edge) serve(w http.ResponseWriter, r *http.Request) {
	var client *x509.Certificate
	if len(r.TLS.PeerCertificates) > 0 {
		client = r.TLS.PeerCertificates[0]
	}

	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}

	faults := e.server.edgeFaultsOf(r.TLS.ServerName)
	if misbehaves(faults, EdgeNoHTTP) {
		speakNoHTTP(w)
		return
	}

	in := e.server.entranceOf(r.TLS.ServerName)
	for _, at := range []entrance{in, e.server.entranceOf(host)} {
		if why := at.refuses(r.URL.Path, client); why != "" && !misbehaves(faults, EdgeAdmit) {
			http.Error(w, "refused by Access: "+why, http.StatusForbidden)
			return
		}
	}

	describe(w, r)
	switch valid := in.trusts(client); {
	case valid && in.forward:
		sum := sha256.Sum256(client.Raw)
		fmt.Fprintf(w, "client-certificate: forwarded sha256=%s\n", hex.EncodeToString(sum[:]))
	case valid:
		fmt.Fprintln(w, "client-certificate: not forwarded")
	}
}
