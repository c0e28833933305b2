package sandbox

import (
	"encoding/json"
	"net/http"
	"time"
)

// entitled lists what the zone has of features. A zone without any gets an answer without
// a body.
func (z *zone) entitled() *answer {
	if len(z.entitlements) == 0 {
		return &answer{status: http.StatusNoContent, header: http.Header{}, success: true, raw: []byte{}, plain: true}
	}

	var items []json.RawMessage
	at := z.created.UTC().Format(time.RFC3339)
	for _, key := range sortedKeys(z.entitlements) {
		items = append(items, encode(map[string]any{
			"id": hexID("entitlement", z.id+key), "allocation": map[string]any{"type": "max_count", "value": z.entitlements[key]},
			"feature": map[string]any{"id": hexID("feature", key), "key": key, "name": key}, "created_date": at, "edited_date": at, "deleted_date": nil,
		}))
	}
	return ok(http.StatusOK, items)
}

// packsLeft is the quota of advanced certificates. Only Advanced Certificate Manager has
// any.
func (z *zone) packsLeft() *answer {
	allocated := 0
	if z.acm {
		allocated = 100
	}
	return ok(http.StatusOK, map[string]any{"advanced": map[string]int{"allocated": allocated, "used": 0}})
}

// auditLog is the audit log of an account, which has no entries here. The period is
// required.
func (s *Server) auditLog(c *call, _ *account) *answer {
	for _, name := range []string{"since", "before"} {
		if !isTime(c.query.Get(name)) {
			return badParam(name, c.query.Get(name))
		}
	}
	if _, bad := c.number("limit", 100, 1, 1000); bad != nil {
		return bad
	}
	return ok(http.StatusOK, []json.RawMessage{})
}

// isTime reports whether a text is a time or a day.
func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	if err != nil {
		_, err = time.Parse(time.DateOnly, text)
	}
	return err == nil
}
