package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// hostnameSettings are the settings that a name in a zone can have.
var hostnameSettings = []string{minVersion, cipherList, "http2"}

// hostnameSetting is a setting of a name in a zone. It keeps its value while it is being
// deleted, and the list goes on showing it.
type hostnameSetting struct {
	value            string // JSON
	status           string
	created, updated time.Time
}

type hostnameSettingJSON struct {
	Hostname string          `json:"hostname"`
	Value    json.RawMessage `json:"value"`
	Status   string          `json:"status"`
	Created  string          `json:"created_at"`
	Updated  string          `json:"updated_at"`
}

func (l *hostnameSetting) render(name string) hostnameSettingJSON {
	return hostnameSettingJSON{name, json.RawMessage(l.value), l.status, stamp(l.created), stamp(l.updated)}
}

func (z *zone) hostnameObject(name string) string { return "hostname/" + z.ascii + "/" + name }

// hostnameOwn are the settings of a name in the zone, nil if it has none.
func (z *zone) hostnameOwn(name string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	for id, l := range z.hostnames[name] {
		if l.status == "pending_deletion" {
			continue
		}
		if out == nil {
			out = map[string]json.RawMessage{}
		}
		out[id] = json.RawMessage(l.value)
	}
	return out
}

// checkHostnameSetting refuses an invalid setting of a name in the zone. It refuses an
// empty list of suites: the documentation says to delete the setting instead, and it is
// unknown whether the API accepts the list. The codes are those of zone settings, because
// the codes of this service are not documented.
func (z *zone) checkHostnameSetting(name, id string, value json.RawMessage) *answer {
	invalid := func(why string) *answer {
		return fail(http.StatusBadRequest, 1007, "Invalid value for setting "+id+" of "+name+": "+why)
	}

	accept := knownSettings[id].accept
	switch {
	case !slices.Contains(hostnameSettings, id):
		return fail(http.StatusBadRequest, 1006, "Unrecognized hostname setting name")
	case !isHostname(name) || !z.holds(name):
		return fail(http.StatusBadRequest, 1407, name+" is not a hostname in zone "+z.name)
	case id == cipherList:
		if why := badCiphers(value); why != "" {
			return invalid(why)
		}
		if string(value) == "[]" {
			return invalid("the list is empty")
		}
	case !slices.Contains(accept, string(value)):
		return invalid(string(value) + " is not one of " + strings.Join(accept, ", "))
	}
	return nil
}

// listHostnameSettings is GET hostnames/settings/{id}. The result_info in Cloudflare's
// examples shows that the list has pages; the parameters are those that its SDK sends.
func (s *Server) listHostnameSettings(c *call, z *zone) *answer {
	id := c.args[0]
	if !slices.Contains(hostnameSettings, id) {
		return fail(http.StatusBadRequest, 1006, "Unrecognized hostname setting name")
	}
	if !c.query.Has("per_page") {
		c.query.Set("per_page", "50")
	}

	var names []string
	total := 0
	for _, name := range sortedKeys(z.hostnames) {
		if z.hostnames[name][id] == nil {
			continue
		}
		total++
		if !c.query.Has("hostname") || name == strings.ToLower(c.query.Get("hostname")) {
			names = append(names, name)
		}
	}
	return paged(c, len(names), total, pageLimits{max: 50}, func(i int) json.RawMessage {
		return encode(z.hostnames[names[i]][id].render(names[i]))
	})
}

// hostnameArgs returns the setting and the name in the path of a setting of a name.
func (c *call) hostnameArgs() (id, name string) { return c.args[0], strings.ToLower(c.args[1]) }

// withHostnameSetting looks up the setting of a name.
func withHostnameSetting(run func(*Server, *call, *zone, *hostnameSetting) *answer) func(*Server, *call, *zone) *answer {
	return func(s *Server, c *call, z *zone) *answer {
		id, name := c.hostnameArgs()
		l := z.hostnames[name][id]
		switch {
		case !slices.Contains(hostnameSettings, id):
			return fail(http.StatusBadRequest, 1006, "Unrecognized hostname setting name")
		case l == nil:
			return fail(http.StatusNotFound, 1436, name+" has no "+id+" setting")
		}
		return run(s, c, z, l)
	}
}

func (s *Server) showHostnameSetting(c *call, _ *zone, l *hostnameSetting) *answer {
	_, name := c.hostnameArgs()
	return ok(http.StatusOK, l.render(name))
}

// putHostnameSetting is PUT hostnames/settings/{id}/{hostname}.
func (s *Server) putHostnameSetting(c *call, z *zone) *answer {
	id, name := c.hostnameArgs()
	m, err := fields(c.body)
	if err != nil {
		return fail(http.StatusBadRequest, 6007, "Malformed JSON in request body")
	}
	if k := unknownKey(m, "value"); k != "" {
		return fail(http.StatusBadRequest, badField, "unknown field "+k)
	}
	value := compact(m["value"])
	if bad := z.checkHostnameSetting(name, id, value); bad != nil {
		return bad
	}

	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		if l := z.hostnames[name][id]; l != nil {
			return ok(http.StatusOK, l.render(name))
		}
		return ok(http.StatusOK, nil)
	}

	effect := EffectChanged
	switch l := z.hostnames[name][id]; {
	case l == nil:
		effect = EffectCreated
	case l.value == string(value) && l.status != "pending_deletion":
		effect = EffectNoop
	}
	c.entry.Effect = cmp.Or(c.entry.Effect, effect)
	return ok(http.StatusOK, s.setHostnameSetting(c, z, id, name, string(value)).render(name))
}

// setHostnameSetting writes a checked value.
func (s *Server) setHostnameSetting(c *call, z *zone, id, name, value string) *hostnameSetting {
	before := z.hostnameOwn(name)
	now := s.now()
	next := &hostnameSetting{value: value, status: "pending_deployment", created: now, updated: now}
	if old := z.hostnames[name][id]; old != nil {
		next.created = old.created
	}

	z.putHostnameSetting(name, id, next)
	s.deploy(func() {
		z.deployHostnameSetting(name, id, value)
		if z.hostnames[name][id] == next {
			next.status = "active"
		}
	})
	c.entry.wrote(z.hostnameObject(name), before, z.hostnameOwn(name))
	return next
}

func (z *zone) putHostnameSetting(name, id string, l *hostnameSetting) {
	if z.hostnames[name] == nil {
		z.hostnames[name] = map[string]*hostnameSetting{}
	}
	z.hostnames[name][id] = l
}

// deployHostnameSetting changes a value at the edge; "" removes it.
func (z *zone) deployHostnameSetting(name, id, value string) {
	if z.hostnamesDeployed[name] == nil {
		z.hostnamesDeployed[name] = map[string]string{}
	}
	z.hostnamesDeployed[name][id] = value
	if value == "" {
		delete(z.hostnamesDeployed[name], id)
	}
}

// deleteHostnameSetting is DELETE hostnames/settings/{id}/{hostname}. Until the deletion
// has settled, the list shows the setting with its old value.
func (s *Server) deleteHostnameSetting(c *call, z *zone, l *hostnameSetting) *answer {
	id, name := c.hostnameArgs()
	if l.status == "pending_deletion" {
		return fail(http.StatusNotFound, 1436, name+" has no "+id+" setting")
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusOK, l.render(name))
	}
	c.entry.Effect = EffectDeleted
	out := s.dropHostnameSetting(c, z, id, name, l).render(name)
	out.Value = json.RawMessage(`""`)
	return ok(http.StatusOK, out)
}

func (s *Server) dropHostnameSetting(c *call, z *zone, id, name string, l *hostnameSetting) *hostnameSetting {
	before := z.hostnameOwn(name)
	gone := *l
	gone.status, gone.updated = "pending_deletion", s.now()
	z.hostnames[name][id] = &gone
	s.deploy(func() {
		z.deployHostnameSetting(name, id, "")
		if z.hostnames[name][id] == &gone {
			delete(z.hostnames[name], id)
		}
	})
	c.entry.wrote(z.hostnameObject(name), before, z.hostnameOwn(name))
	return &gone
}
