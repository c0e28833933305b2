package cloudflare

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cloudflare/cloudflare-go"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Cloudflare keeps the third value of tls_1_3, zrt, in a setting of its own as
// well: with 0rtt on, tls_1_3 reads zrt or on, as it happens. The two are one
// canonical value, that of tls_1_3.
const (
	tls13     = "tls_1_3"
	earlyData = "0rtt"
)

// zoneSettings are the settings of a zone as read.
type zoneSettings struct {
	settings []plan.Setting
	gaps     gaps
	fallback string // the state of the fallback origin
}

// settingsOf reads the settings of a zone that are needed, and takes along those
// that come with them. What could not be read is told by id. An error means
// that nothing of the zone's settings can be read.
func (r *Reader) settingsOf(ctx context.Context, c *client, z *plan.Zone, need []string) (zoneSettings, error) {
	var out zoneSettings
	if slices.Contains(need, tls13) {
		need = append(slices.Clone(need), earlyData)
	}
	start := time.Now()
	found := map[string]reading{}
	if slices.ContainsFunc(need, func(id string) bool { return !readAlone(id) }) {
		bulk, err := readSettings(ctx, c, z.ID)
		var failed *Error
		switch {
		case err == nil:
			found = bulk
		case errors.As(err, &failed) && retired(failed.Status):
			// Cloudflare means to withdraw the bulk read in 2030.
			r.log.Info("zone settings cannot be read at once; reading them one by one", "zone", z.Name, "error", err)
		default:
			return out, err
		}
	}
	var single []string
	for _, id := range need {
		if _, ok := found[id]; !ok {
			single = append(single, id)
		}
	}
	read := make([]reading, len(single))
	failures := make([]error, len(single))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i, id := range single {
		group.Go(crash.Guard(func() error {
			s, err := readSetting(gctx, c, z.ID, id)
			var failed *Error
			if err != nil && (ctx.Err() != nil || errors.As(err, &failed) && failed.Status == http.StatusUnauthorized) {
				return err
			}
			read[i], failures[i] = s, onZone(err, z.Name)
			return nil
		}))
	}
	if err := group.Wait(); err != nil {
		return out, err
	}
	for i, id := range single {
		switch {
		case failures[i] == nil:
			found[id] = read[i]
		case id == earlyData:
			// A zone without 0rtt has no early data to speak of; but where it
			// exists and cannot be read, nobody knows what tls_1_3 means.
			var failed *Error
			if errors.As(failures[i], &failed) && retired(failed.Status) {
				continue
			}
			delete(found, tls13)
			out.gaps.unreadable = with(out.gaps.unreadable, tls13, "0rtt, which is a part of it, cannot be read: "+failures[i].Error())
		default:
			out.gaps.add(id, failures[i])
		}
	}
	mergeEarlyData(found)
	for _, s := range found {
		out.settings = append(out.settings, s.Setting)
	}
	out.fallback = found[schema.FallbackOrigin].status
	slices.SortFunc(out.settings, func(a, b plan.Setting) int {
		return cmp.Or(cmp.Compare(schema.Rank(a.ID), schema.Rank(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	if r.cache != nil {
		r.cache.putSettings(z.ID, found, start)
	}
	return out, nil
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// retired reports whether a status may mean that an endpoint is no more.
func retired(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return true
	}
	return false
}

func readAlone(id string) bool {
	row, ok := schema.LookupSetting(id)
	return ok && row.ReadAlone
}

// wanted reports whether a setting is one that plans speak of.
func wanted(id string) bool {
	row, ok := schema.LookupSetting(id)
	return id == earlyData || ok && row.On(schema.ZoneLevel)
}

// mergeEarlyData makes tls_1_3 and 0rtt one canonical value.
func mergeEarlyData(found map[string]reading) {
	v, ok := found[tls13]
	if ok && found[earlyData].Value == `"on"` && v.Value != `"off"` {
		v.Value = `"zrt"`
		found[tls13] = v
	}
}

// readSettings reads all settings of a zone that the API gives at once, and
// keeps those that plans speak of.
func readSettings(ctx context.Context, c *client, zone string) (map[string]reading, error) {
	found := map[string]reading{}
	err := c.read(ctx, plan.SettingsPath(zone), func(result []byte, _ *cloudflare.ResultInfo) error {
		settings, err := decodeList(result, decodeAnySetting)
		for _, s := range settings {
			if s.ID == securityHeader {
				// If its value cannot be read here, a reading of it alone tells why.
				var bad error
				if s, bad = unwrapHSTS(s); bad != nil {
					continue
				}
			}
			if hasValue(s) && wanted(s.ID) {
				found[s.ID] = reading{Setting: s}
			}
		}
		return err
	})
	return found, err
}

func readSetting(ctx context.Context, c *client, zone, id string) (reading, error) {
	var s reading
	e := endpointOf(id)
	err := c.read(ctx, plan.SettingPath(zone, id), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		s, err = e.read(result)
		return err
	})
	if none, ok := e.absent(err); ok {
		return none, nil
	}
	return s, err
}

// decodeSetting reads the answer for one setting.
func decodeSetting(result []byte, id string) (plan.Setting, error) {
	s, err := decodeAnySetting(result)
	switch {
	case err != nil:
		return s, err
	case s.ID != "" && s.ID != id:
		return s, &otherObject{fmt.Sprintf("it is about setting %s, not %s", s.ID, id)}
	case !hasValue(s):
		return s, errors.New("setting " + id + " has no value")
	}
	return canonical(id, s), nil
}

// decodeAnySetting reads a setting object.
func decodeAnySetting(text []byte) (plan.Setting, error) {
	var shown struct {
		ID       string          `json:"id"`
		Value    json.RawMessage `json:"value"`
		Editable *bool           `json:"editable"`
	}
	err := unmarshal(text, &shown)
	s := plan.Setting{
		ID:     shown.ID,
		Raw:    string(shown.Value),
		Locked: shown.Editable != nil && !*shown.Editable,
	}
	return canonical(s.ID, s), err
}

func hasValue(s plan.Setting) bool { return s.Raw != "" && s.Raw != "null" }

func canonical(id string, s plan.Setting) plan.Setting {
	s.ID = id
	if row, ok := schema.LookupSetting(id); ok {
		s.Value = row.Canonical([]byte(s.Raw), schema.ZoneLevel)
	} else {
		s.Value = compacted(s.Raw)
	}
	return s
}
