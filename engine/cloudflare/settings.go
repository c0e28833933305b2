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

// Cloudflare also keeps the third value of tls_1_3, zrt, in a setting of its
// own: with 0rtt on, tls_1_3 reads zrt or on, unpredictably. Plans see both as
// one value of tls_1_3.
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

// settingsOf reads the needed settings of a zone, and includes others that come
// with them. It reports a setting that cannot be read as a gap. An error means
// that no setting of the zone can be read.
func (r *Reader) settingsOf(ctx context.Context, c *client, z *plan.Zone, need []string) (zoneSettings, error) {
	if slices.Contains(need, tls13) {
		need = append(slices.Clone(need), earlyData)
	}
	start := time.Now()
	found, twice, err := r.readTogether(ctx, c, z, need)
	if err != nil {
		return zoneSettings{}, err
	}

	single := slices.DeleteFunc(slices.Clone(need), func(id string) bool {
		_, ok := found[id]
		return ok || twice[id] != nil
	})
	read, failures, err := r.readEach(ctx, c, z, single)
	if err != nil {
		return zoneSettings{}, err
	}

	var out zoneSettings
	for i, id := range single {
		if failures[i] == nil {
			found[id] = read[i]
		}
	}
	if down := outage(failures); down != nil && len(found) == 0 {
		return zoneSettings{}, down
	}
	for i, id := range single {
		if failures[i] != nil {
			out.gaps.addSetting(found, id, failures[i])
		}
	}
	for _, id := range need {
		if twice[id] != nil {
			out.gaps.addSetting(found, id, twice[id])
		}
	}

	mergeEarlyData(found)
	out.fallback = found[schema.FallbackOrigin].status
	out.settings = sortedSettings(found)
	if r.cache != nil {
		r.cache.putSettings(z.ID, found, start)
	}
	return out, nil
}

// outage returns the first of the failures if the server failed every time, else nil.
func outage(failures []error) error {
	if len(failures) == 0 || slices.ContainsFunc(failures, func(err error) bool { return !troubled(err) }) {
		return nil
	}
	return failures[0]
}

// readTogether reads the settings that the API returns in one answer. It returns
// none if no setting is needed that way, or if that answer cannot be had. The
// settings in twice are in the answer with more than one value.
func (r *Reader) readTogether(ctx context.Context, c *client, z *plan.Zone, need []string) (found map[string]reading, twice map[string]error, err error) {
	none := map[string]reading{}
	if !slices.ContainsFunc(need, func(id string) bool { return !readAlone(id) }) {
		return none, nil, nil
	}
	if ask, err := r.batch.begin(ctx); !ask {
		return none, nil, err
	}

	ended := errors.New("the request came to no end") // after a panic
	defer func() { r.batch.end(ended) }()
	found, twice, ended = readSettings(ctx, c, z.ID)
	if oneByOne(ended) {
		r.log.Info("cannot read all zone settings at once; reading them one by one", "zone", z.Name, "error", ended)
		return none, nil, nil
	}
	return found, twice, ended
}

// readEach reads settings with one request each. The results and failures have the
// order of ids; the last error is one that concerns them all.
func (r *Reader) readEach(ctx context.Context, c *client, z *plan.Zone, ids []string) ([]reading, []error, error) {
	read := make([]reading, len(ids))
	failures := make([]error, len(ids))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i, id := range ids {
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
	return read, failures, group.Wait()
}

// addSetting adds the gap of a setting that could not be read. Without 0rtt the
// value of tls_1_3 is unknown, so it becomes a gap too, unless the zone does not
// have 0rtt at all.
func (g *gaps) addSetting(found map[string]reading, id string, err error) {
	if id != earlyData {
		g.add(id, err)
		return
	}
	var failed *Error
	if errors.As(err, &failed) && retired(failed.Status) {
		return
	}
	delete(found, tls13)
	g.unreadable = with(g.unreadable, tls13, "0rtt, which is a part of it, cannot be read: "+err.Error())
}

// sortedSettings returns settings in the order of the table of settings.
func sortedSettings(found map[string]reading) []plan.Setting {
	var out []plan.Setting
	for _, s := range found {
		out = append(out, s.Setting)
	}
	slices.SortFunc(out, func(a, b plan.Setting) int {
		return cmp.Or(cmp.Compare(schema.Rank(a.ID), schema.Rank(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// with sets a key of a map, which it makes first if it is nil.
func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// retired reports whether a status may mean that an endpoint no longer exists.
func retired(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return true
	}
	return false
}

// readAlone reports whether a setting has an endpoint of its own and is missing
// from the list of all settings.
func readAlone(id string) bool {
	row, ok := schema.LookupSetting(id)
	return ok && row.ReadAlone
}

// wanted reports whether plans deal with a setting.
func wanted(id string) bool {
	row, ok := schema.LookupSetting(id)
	return id == earlyData || ok && row.On(schema.ZoneLevel)
}

// mergeEarlyData combines tls_1_3 and 0rtt into one value of tls_1_3.
func mergeEarlyData(found map[string]reading) {
	v, ok := found[tls13]
	if ok && found[earlyData].Value == `"on"` && v.Value != `"off"` {
		v.Value = `"zrt"`
		found[tls13] = v
	}
}

// readSettings reads the settings that the API returns in one answer, and keeps
// those that plans deal with. A setting that is listed with two values has none that
// can be trusted: it is in twice.
func readSettings(ctx context.Context, c *client, zone string) (found map[string]reading, twice map[string]error, err error) {
	found, twice = map[string]reading{}, map[string]error{}
	err = c.read(ctx, plan.SettingsPath(zone), func(result []byte, _ *cloudflare.ResultInfo) error {
		settings, err := decodeList(result, decodeAnySetting)
		for _, s := range settings {
			if s.ID == securityHeader {
				// A reading of this setting alone will say why its value cannot
				// be read.
				var bad error
				if s, bad = unwrapHSTS(s); bad != nil {
					continue
				}
			}
			if !hasValue(s) || !wanted(s.ID) {
				continue
			}
			if other, ok := found[s.ID]; ok && (other.Value != s.Value || other.Locked != s.Locked) {
				twice[s.ID] = listedTwice(c, "setting "+s.ID, other.Setting, s)
			}
			found[s.ID] = reading{Setting: s}
		}
		return err
	})
	for id := range twice {
		delete(found, id)
	}
	return found, twice, err
}

// listedTwice is the error of an answer that contradicts itself.
func listedTwice(c *client, what string, a, b plan.Setting) error {
	if a.Value == b.Value {
		return errors.New("the answer lists " + what + " twice, as editable and as not editable")
	}
	return fmt.Errorf("the answer lists %s twice, with %s and with %s", what, clean(a.Raw, c.hide), clean(b.Raw, c.hide))
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
