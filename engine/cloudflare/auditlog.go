package cloudflare

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"tlsync/engine/plan"
	"tlsync/engine/who"
)

// maxAuditPages bounds how much of an audit log is read, the newest entries first. A page has
// a hundred entries unless a request asks for another number.
const maxAuditPages = 20

// AuditLog reads the successful writes in the audit log of an account in a period, with the
// credential that read the account or its zone. If there are more entries than are read, the
// log that it returns begins later. With a zone, only entries about that zone are read.
func (r *Reader) AuditLog(ctx context.Context, account plan.Account, zone string, since, before time.Time) (*who.Log, error) {
	c := r.clientOfAccount(account, zone)
	before = before.Truncate(time.Second).Add(time.Second) // requests have whole seconds
	filter := url.Values{"since": {since.UTC().Format(time.RFC3339)}, "before": {before.UTC().Format(time.RFC3339)}, "direction": {"desc"}}
	if zone != "" {
		filter.Set("zone_id", zone)
	}

	log := &who.Log{Since: since, Before: before}
	for range maxAuditPages {
		next := ""
		err := c.read(ctx, plan.AccountPath(account.ID)+plan.EndpointAuditLogs+"?"+filter.Encode(), func(result []byte, info *cloudflare.ResultInfo) error {
			entries, err := decodeAuditEntries(result)
			log.Entries = append(log.Entries, entries...)
			if info != nil && len(entries) > 0 {
				next = cmp.Or(info.Cursor, info.Cursors.After)
			}
			return err
		})
		if err != nil {
			return nil, onAccount(err, account.Name)
		}
		if next == "" || next == filter.Get("cursor") {
			log.Own = c.tokenID(ctx, account.ID)
			return log, nil
		}
		filter.Set("cursor", next)
	}

	log.Since = before
	for i := range log.Entries {
		if at := log.Entries[i].Time; at.After(since) && at.Before(log.Since) {
			log.Since = at
		}
	}
	log.Own = c.tokenID(ctx, account.ID)
	return log, nil
}

// AuditValues reads, in the first version of the audit log of an account, which settings of
// zones were changed in a period, and from which value to which. It reads one page, the newest
// entries. With the name of a zone, only entries about that zone are read.
func (r *Reader) AuditValues(ctx context.Context, account plan.Account, zone plan.Zone, since, before time.Time) ([]who.Value, error) {
	filter := url.Values{
		"since": {since.UTC().Format(time.RFC3339)}, "before": {before.Truncate(time.Second).Add(time.Second).UTC().Format(time.RFC3339)},
		"direction": {"desc"}, "per_page": {"1000"}, "action.type": {"change_setting"},
	}
	if zone.Name != "" {
		filter.Set("zone.name", zone.Name)
	}

	var values []who.Value
	err := r.clientOfAccount(account, zone.ID).read(ctx, plan.AccountPath(account.ID)+plan.EndpointAuditValues+"?"+filter.Encode(), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		values, err = decodeList(result, decodeAuditValue)
		return err
	})
	return values, onAccount(err, account.Name)
}

// decodeAuditValue decodes an entry of the first version. What is in another form is left
// empty, and then fits nothing.
func decodeAuditValue(item []byte) (who.Value, error) {
	var parts struct{ When, Actor, Metadata, OldValue, NewValue json.RawMessage }
	if err := unmarshal(item, &parts); err != nil {
		return who.Value{}, err
	}
	var when time.Time
	var actor struct{ Email string }
	var metadata struct {
		Name string
		Zone string `json:"zone_name"`
	}
	v := who.Value{}
	_ = json.Unmarshal(parts.When, &when)
	_ = json.Unmarshal(parts.Actor, &actor)
	_ = json.Unmarshal(parts.Metadata, &metadata)
	_ = json.Unmarshal(parts.OldValue, &v.Old)
	_ = json.Unmarshal(parts.NewValue, &v.New)
	v.Time, v.Zone, v.Setting, v.Email = when, metadata.Zone, metadata.Name, actor.Email
	return v, nil
}

// clientOfAccount returns the client that read an account or a zone.
func (r *Reader) clientOfAccount(account plan.Account, zone string) *client {
	for _, id := range []string{account.ID, zone} {
		if c := r.ownerOf(id); c != nil {
			return c
		}
	}
	for _, name := range []string{account.Name, account.ID} {
		for _, c := range r.clientsOf(plan.ZoneScope{Account: name}) {
			if !c.fallback {
				return c
			}
		}
	}
	return r.clients[0]
}

// tokenID returns the id of the token of a client, "" if there is none or if it is not known.
// Tokens of users and of accounts are verified at different endpoints.
func (c *client) tokenID(ctx context.Context, account string) string {
	var token struct {
		ID string `json:"id"`
	}
	for _, path := range []string{"/user/tokens/verify", plan.AccountPath(account) + "/tokens/verify"} {
		err := c.read(ctx, path, func(result []byte, _ *cloudflare.ResultInfo) error { return unmarshal(result, &token) })
		if err == nil {
			return token.ID
		}
	}
	return ""
}

// auditEntry is an entry of the audit log. Cloudflare's documentation shows more than one
// form of it, so each part is decoded by itself.
type auditEntry struct {
	Action, Actor, Raw, Resource json.RawMessage
}

// decodeAuditEntries decodes entries. What an entry does not say, or says in another form, is
// left empty: then nobody is named for it.
func decodeAuditEntries(text []byte) ([]who.Entry, error) {
	return decodeList(text, func(item []byte) (who.Entry, error) {
		var parts auditEntry
		err := unmarshal(item, &parts)
		return parts.entry(), err
	})
}

func (p *auditEntry) entry() who.Entry {
	var action struct{ Result, Time string }
	var actor struct {
		Context, Email, Type string
		TokenID              string `json:"token_id"`
		TokenName            string `json:"token_name"`
	}
	var raw struct {
		Ray    string `json:"cf_ray_id"`
		Method string
		Status int `json:"status_code"`
		URI    string
	}
	var resource struct {
		ID      string
		Request json.RawMessage
	}
	for text, into := range map[*json.RawMessage]any{&p.Action: &action, &p.Actor: &actor, &p.Raw: &raw, &p.Resource: &resource} {
		_ = json.Unmarshal(*text, into) // what cannot be read is not there
	}

	at, err := time.Parse(time.RFC3339, action.Time)
	if err != nil { // an entry without a time is about no time that is asked for
		raw.URI = ""
	}
	request := string(resource.Request)
	var quoted string
	if json.Unmarshal(resource.Request, &quoted) == nil {
		request = quoted
	}

	return who.Entry{
		Time: at, Method: strings.ToUpper(raw.Method), URI: raw.URI, Status: raw.Status, Result: action.Result,
		TokenID: actor.TokenID, Resource: resource.ID, Request: request,
		Actor: plan.Actor{
			Email: actor.Email, Way: actor.Context, Token: cmp.Or(actor.TokenName, actor.TokenID),
			Cloudflare: actor.Type == "system" || actor.Type == "cloudflare_admin", Ray: raw.Ray,
		},
	}
}
