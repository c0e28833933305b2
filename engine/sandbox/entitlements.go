package sandbox

import (
	"encoding/json"
	"net/http"
	"time"
)

// entitled lists what the zone has of features.
func (z *zone) entitled() *answer { return entitlements(z.id, z.entitlements, z.created) }

// entitled lists what the account has of features.
func (s *Server) entitled(_ *call, a *account) *answer {
	return entitlements(a.id, a.entitlements, s.start)
}

// entitlements are what an object has of features, by key. An object without any gets an
// answer without a body.
func entitlements(id string, features map[string]int, created time.Time) *answer {
	if len(features) == 0 {
		return &answer{status: http.StatusNoContent, header: http.Header{}, success: true, raw: []byte{}, plain: true}
	}

	var items []json.RawMessage
	at := created.UTC().Format(time.RFC3339)
	for _, key := range sortedKeys(features) {
		items = append(items, encode(map[string]any{
			"id": hexID("entitlement", id+key), "allocation": map[string]any{"type": "max_count", "value": features[key]},
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
