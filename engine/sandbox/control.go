package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"gopkg.in/yaml.v3"
)

// Permissions changes the permissions and the status of a token. Nil permissions
// and an empty status leave the old ones.
func (s *Server) Permissions(token string, p Permissions, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.names {
		if id.name == token {
			if p != nil {
				id.permissions = p
			}
			id.status = cmp.Or(status, id.status)
			return nil
		}
	}
	return fmt.Errorf("permissions: token %q does not exist", token)
}

// control answers below /__sandbox/.
func (s *Server) control(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	switch r.Method + " " + name {
	case "GET state":
		if st := s.State(); r.URL.Query().Get("format") == "yaml" {
			w.Header().Set("Content-Type", "application/yaml")
			_, _ = w.Write(st.YAML())
		} else {
			writeJSON(w, st)
		}
	case "GET history":
		writeJSON(w, s.History())
	case "GET ca.pem":
		s.serveCA(w)

	default:
		change := s.change(r.Method+" "+name, body)
		if change == nil {
			http.Error(w, "no such control: "+r.Method+" "+name, http.StatusNotFound)
			return
		}
		if err := change(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// change returns the function behind a control that answers without a body, nil for an
// unknown control.
func (s *Server) change(control string, body []byte) func() error {
	switch control {
	case "DELETE history":
		return func() error { s.ClearHistory(); return nil }
	case "DELETE faults":
		return func() error { s.ClearFaults(); return nil }
	case "DELETE edge":
		return func() error { s.ClearEdgeFaults(); return nil }
	case "POST edge":
		return func() error { return withBody(body, s.AddEdgeFault) }
	case "POST advance":
		return func() error { s.Advance(); return nil }
	case "POST faults":
		return func() error { return withBody(body, s.AddFault) }
	case "POST dashboard":
		return func() error { return withBody(body, s.Dashboard) }
	case "POST permissions":
		type change struct {
			Token       string      `yaml:"token"`
			Permissions Permissions `yaml:"permissions"`
			Status      string      `yaml:"status"`
		}
		return func() error {
			return withBody(body, func(c change) error { return s.Permissions(c.Token, c.Permissions, c.Status) })
		}
	}
	return nil
}

func (s *Server) serveCA(w http.ResponseWriter) {
	s.mu.Lock()
	pem := s.caPEM
	s.mu.Unlock()

	if pem == nil {
		http.Error(w, "the sandbox has no TLS edge", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(pem)
}

// withBody decodes a body and passes it on.
func withBody[T any](body []byte, do func(T) error) error {
	var v T
	if err := decodeBody(body, &v); err != nil {
		return err
	}
	return do(v)
}

// decodeBody decodes YAML or JSON as strictly as a seed.
func decodeBody(body []byte, into any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(body, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return errors.New("the body is empty")
	}
	return decodeStrict(doc.Content[0], into)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client may be gone
}
