// Package who finds out who made live settings differ: it looks for the changes of a plan in
// the audit log of their account, and words what it finds.
//
// It never guesses. An entry counts if its request wrote the very object, successfully, and
// may have written the value that is live. If there is none, that is the answer.
package who

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// Entry is one entry of an audit log. Its texts are foreign.
type Entry struct {
	Time    time.Time
	Method  string
	URI     string
	Status  int // of the answer; 0 if the entry does not say
	Result  string
	TokenID string
	// Resource is the id of the object, and Request what was sent about it, as JSON; empty
	// if the entry does not say.
	Resource string
	Request  string
	Actor    plan.Actor
}

// Log is what was read of the audit log of one account.
type Log struct {
	Entries []Entry
	// Since and Before are the period that the entries cover.
	Since, Before time.Time
	// Own is the id of the token of this run; empty if it is not known.
	Own string
}

// index has the entries of a log by the path that they wrote to, the newest first.
type index struct {
	log    *Log
	byPath map[string][]*Entry
	// none are the answers for settings that nobody is known to have changed: there may be
	// very many of them.
	none map[string]*plan.Changed
}

func indexed(l *Log) *index {
	x := &index{log: l, byPath: map[string][]*Entry{}, none: map[string]*plan.Changed{}}
	for i := range l.Entries {
		e := &l.Entries[i]
		succeeded := e.Status >= 200 && e.Status < 300 || e.Status == 0 && e.Result == "success"
		path := pathOf(e.URI)
		if !succeeded || e.Method == "GET" || path == "" {
			continue
		}

		x.byPath[path] = append(x.byPath[path], e)
		if e.Method == "POST" && e.Resource != "" { // to a list: it made an object
			made := path + "/" + e.Resource
			x.byPath[made] = append(x.byPath[made], e)
		}
		for id, value := range items(e) { // several settings of a zone at once
			one := *e
			one.Request = `{"value":` + string(value) + `}`
			x.byPath[path+"/"+id] = append(x.byPath[path+"/"+id], &one)
		}
	}
	for _, list := range x.byPath {
		sorted.Stably(list, func(a, b *Entry) int { return b.Time.Compare(a.Time) })
	}
	return x
}

// items returns the settings that a request names in a list, with their values.
func items(e *Entry) map[string]json.RawMessage {
	var sent struct {
		Items []struct {
			ID    string          `json:"id"`
			Value json.RawMessage `json:"value"`
		} `json:"items"`
	}
	_ = json.Unmarshal([]byte(e.Request), &sent) // then it has none
	out := map[string]json.RawMessage{}
	for _, item := range sent.Items {
		if item.ID != "" && len(item.Value) > 0 {
			out[item.ID] = item.Value
		}
	}
	return out
}

// pathOf returns the path of a request below the base of the API, unescaped. The dashboard
// has a base of its own.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	path := u.Path
	for _, base := range []string{"/client/v4", "/api/v4"} {
		path = strings.TrimPrefix(path, base)
	}
	return strings.TrimSuffix(path, "/")
}

// mayWrite reports whether a request to the path of an object may have written the live value
// of a setting. A request that is not known may.
func mayWrite(a *Entry, c *plan.Change, e *plan.Edit) bool {
	var sent map[string]json.RawMessage
	if json.Unmarshal([]byte(a.Request), &sent) != nil || len(sent) == 0 {
		return true
	}

	switch c.Kind {
	case plan.KindZone, plan.KindHostname:
		return mayBe(sent["value"], e)
	case plan.KindCustomHostname:
		if s, ok := schema.LookupSetting(e.Setting); !ok || !s.On(schema.CustomHostnameLevel) {
			return true
		}
		var ssl struct {
			Settings map[string]json.RawMessage `json:"settings"`
		}
		return len(sent["ssl"]) > 0 && (json.Unmarshal(sent["ssl"], &ssl) != nil || mayBe(ssl.Settings[e.Setting], e))
	case plan.KindMTLSHostname:
		settings, has := sent["settings"]
		return !has || strings.Contains(string(settings), `"`+c.Name+`"`)
	case plan.KindMTLSCertificate, plan.KindAccessApplication, plan.KindAlert, plan.KindAccount, plan.KindConfiguration:
	}
	return true
}

// mayBe reports whether a value that was sent may be the live one. Only plain words are
// compared: Cloudflare stores other values in other forms, and one word of TLS 1.3 as two
// settings.
func mayBe(sent json.RawMessage, e *plan.Edit) bool {
	var was, is string
	if e.Setting == schema.TLS13 || json.Unmarshal(sent, &was) != nil || json.Unmarshal([]byte(e.From), &is) != nil {
		return true
	}
	return was == is
}

// changed returns what the log tells about an edit of a change.
func (x *index) changed(c *plan.Change, e *plan.Edit) *plan.Changed {
	var others []*Entry
	var own *Entry
	for _, a := range x.byPath[pathOf(plan.TargetPath(c))] {
		switch {
		case !mayWrite(a, c, e):
		case x.log.Own == "" || a.TokenID != x.log.Own:
			others = append(others, a)
		case own == nil:
			own = a
		}
	}

	found := &plan.Changed{Since: stamp(x.log.Since), Before: stamp(x.log.Before), By: []plan.Actor{}}
	if own != nil && (len(others) == 0 || !own.Time.Before(others[0].Time)) {
		found.Own = stamp(own.Time)
	}
	if len(others) == 0 {
		if x.none[found.Own] == nil {
			x.none[found.Own] = found
		}
		return x.none[found.Own]
	}
	found.At = stamp(others[0].Time)
	for _, a := range others {
		switch {
		case !a.Time.Equal(others[0].Time):
			found.Earlier++
		case !slices.ContainsFunc(found.By, func(b plan.Actor) bool { b.Ray = a.Actor.Ray; return b == a.Actor }):
			found.By = append(found.By, a.Actor)
		}
	}
	return found
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Question is what one audit log has to tell.
type Question struct {
	Account plan.Account
	// Zone is the zone that all of it is about; empty if there is no such zone. Only its id
	// and its name are set.
	Zone  plan.Zone
	edits []edit
}

type edit struct {
	of *plan.Change
	at *plan.Edit
}

// Questions returns what to ask about those edits of a plan that are wanted, sorted by the
// names of the accounts. An object that is to be created is left out: the log names the one
// that is gone by an id that nobody knows any more.
func Questions(p *plan.Plan, live *plan.Live, wanted func(*plan.Change, *plan.Edit) bool) []Question {
	accounts, names := map[string]plan.Account{}, map[string]string{}
	for i := range live.Zones {
		accounts[live.Zones[i].ID] = live.Zones[i].Account
	}
	for i := range live.Accounts {
		names[live.Accounts[i].ID] = live.Accounts[i].Name
	}

	byID := map[string]*Question{}
	for i := range p.Changes {
		c := &p.Changes[i]
		account := accounts[c.ZoneID]
		if c.Kind.OfAccount() {
			account = plan.Account{ID: c.AccountID, Name: names[c.AccountID]}
		}
		if account.ID == "" || c.ObjectID == "" && c.Kind != plan.KindMTLSHostname {
			continue
		}
		for j := range c.Edits {
			if !wanted(c, &c.Edits[j]) {
				continue
			}
			q := byID[account.ID]
			if q == nil {
				q = &Question{Account: account, Zone: plan.Zone{ID: c.ZoneID, Name: c.Zone}}
				byID[account.ID] = q
			}
			if q.Zone.ID != c.ZoneID {
				q.Zone = plan.Zone{}
			}
			q.edits = append(q.edits, edit{c, &c.Edits[j]})
		}
	}

	out := make([]Question, 0, len(byID))
	for _, q := range byID {
		out = append(out, *q)
	}
	sorted.By(out, func(a, b Question) int {
		return cmp.Or(strings.Compare(a.Account.Name, b.Account.Name), strings.Compare(a.Account.ID, b.Account.ID))
	})
	return out
}

// Drifted wants the edits that put drift right.
func Drifted(_ *plan.Change, e *plan.Edit) bool {
	return e.Cause == plan.CauseDrift || e.Cause == plan.CauseConflict
}

// Answer adds to the edits who made live differ.
func (q *Question) Answer(l *Log) {
	x := indexed(l)
	for _, e := range q.edits {
		e.at.Changed = x.changed(e.of, e.at)
	}
}
