package cloudflare

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// readZoneHostnames reads which hostnames in a zone have their own values, with one
// list for each setting. It returns the hostnames sorted, and the settings whose
// lists it could read.
func (r *Reader) readZoneHostnames(ctx context.Context, c *client, z *plan.Zone, need []string) (hostnames []plan.Hostname, read []string, g gaps, err error) {
	lists := make([][]hostnameSetting, len(need))
	failures := make([]error, len(need))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i, id := range need {
		group.Go(crash.Guard(func() error {
			lists[i], failures[i] = r.readHostnameSettings(gctx, c, z.ID, id)
			if failures[i] != nil && fatal(ctx, failures[i]) {
				return failures[i]
			}
			return nil
		}))
	}
	if err := group.Wait(); err != nil {
		return nil, nil, g, err
	}

	at := map[string]int{} // index in hostnames, by name
	for i, id := range need {
		if failures[i] != nil {
			g.add(plan.PerHostname(id), onZone(failures[i], z.Name))
			continue
		}
		read = append(read, id)
		for _, s := range lists[i] {
			n, ok := at[s.name]
			if !ok {
				n = len(hostnames)
				at[s.name] = n
				hostnames = append(hostnames, plan.Hostname{Name: s.name, InZone: true})
			}
			hostnames[n].Settings = append(hostnames[n].Settings, s.Setting)
		}
	}

	for i := range hostnames {
		slices.SortFunc(hostnames[i].Settings, func(a, b plan.Setting) int { return cmp.Compare(a.ID, b.ID) })
	}
	slices.SortFunc(hostnames, func(a, b plan.Hostname) int { return cmp.Compare(a.Name, b.Name) })
	return hostnames, read, g, nil
}

// hostnameSetting is the own value of a hostname in a zone for one setting.
type hostnameSetting struct {
	name string
	plan.Setting
}

// readHostnameSettings reads the hostnames that have their own value for a
// setting, each once.
func (r *Reader) readHostnameSettings(ctx context.Context, c *client, zone, id string) ([]hostnameSetting, error) {
	start := time.Now()
	items, err := gather(ctx, c, plan.HostnameSettingsPath(zone, id), func(result []byte) ([]hostnameSetting, error) {
		return decodeHostnameSettings(result, id)
	}, func(l *hostnameSetting) string {
		// A value that is deleted and set again may be in the list twice.
		if l.Value == schema.Inherit {
			return l.name + " gone"
		}
		return l.name
	})
	if err != nil {
		return nil, err
	}

	items = slices.DeleteFunc(items, func(l hostnameSetting) bool { return l.Value == schema.Inherit })
	if r.cache != nil {
		r.cache.putHostnameSettings(settingKey{zone, id}, items, start)
	}
	return items, nil
}

// decodeHostnameSettings reads a list. A hostname that it gives two values is an error,
// since neither can be trusted.
func decodeHostnameSettings(result []byte, id string) ([]hostnameSetting, error) {
	values := map[string]schema.Value{}
	return decodeList(result, func(item []byte) (hostnameSetting, error) {
		l, err := decodeHostnameSetting(item, id)
		switch other, seen := values[l.name]; {
		case err != nil || l.Value == schema.Inherit && l.name != "":
			return l, err
		case l.name == "":
			return l, errors.New("a value without a hostname")
		case seen && other != l.Value:
			return l, fmt.Errorf("%s is listed twice, with %s and with %s", l.name, other, l.Value)
		}
		values[l.name] = l.Value
		return l, nil
	})
}

// decodeHostnameSetting reads the value of one hostname. An entry that is being deleted has
// no value. An entry that does not show a value is an error, since that differs
// from having none.
func decodeHostnameSetting(text []byte, id string) (hostnameSetting, error) {
	l := hostnameSetting{Setting: noValue(id)}
	row, ok := schema.LookupSetting(id)
	if !ok {
		return l, fmt.Errorf("%s is not a setting", id)
	}

	var shown struct {
		Hostname string          `json:"hostname"`
		Status   string          `json:"status"`
		Value    json.RawMessage `json:"value"`
	}
	err := unmarshal(text, &shown)
	l.name = canonicalName(shown.Hostname)
	switch {
	case err != nil:
		return l, err
	case going(shown.Status):
		return l, nil
	case shown.Value == nil:
		return l, errors.New("a hostname without a value")
	}

	l.Value = row.Canonical(shown.Value, schema.HostnameLevel)
	if l.Value != schema.Inherit {
		l.Raw = string(shown.Value)
	}
	return l, nil
}

// readName reads the present value of a hostname in a zone, from the list of all
// hostnames that have one.
func (w *Writer) readName(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	if maxAge <= 0 {
		return w.readNameNow(ctx, cl, c)
	}

	key := settingKey{c.ZoneID, c.ObjectID}
	since := time.Now().Add(-maxAge)
	if s, at, ok := w.cache.hostnameSetting(key, c.Name, since); ok {
		return plan.Object{Setting: &s, At: at}, nil
	}
	err := w.cache.shared(ctx, key, func() error {
		_, err := w.readHostnameSettings(ctx, cl, c.ZoneID, c.ObjectID)
		return err
	})
	if err != nil {
		return plan.Object{}, err
	}
	if s, at, ok := w.cache.hostnameSetting(key, c.Name, since); ok {
		return plan.Object{Setting: &s, At: at}, nil
	}
	return w.readNameNow(ctx, cl, c)
}

// readNameNow reads the value of a hostname in a zone past the cache.
func (w *Writer) readNameNow(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	start := time.Now()
	items, err := w.readHostnameSettings(ctx, cl, c.ZoneID, c.ObjectID)
	if err != nil {
		return plan.Object{}, err
	}

	s := noValue(c.ObjectID)
	if i := slices.IndexFunc(items, func(l hostnameSetting) bool { return l.name == c.Name }); i >= 0 {
		s = items[i].Setting
	}
	return plan.Object{Setting: &s, At: start}, nil
}

// acceptName reads the answer to a write of a hostname in a zone.
func (w *Writer) acceptName(c *plan.Change, result []byte) (plan.Object, error) {
	l, err := decodeHostnameSetting(result, c.ObjectID)
	switch {
	case l.name != "" && l.name != c.Name:
		return plan.Object{}, fmt.Errorf("it is about hostname %s, not %s", l.name, c.Name)
	case err != nil:
		return plan.Object{}, nil
	}
	s := l.Setting
	w.cache.wroteHostnameSetting(settingKey{c.ZoneID, c.ObjectID}, c.Name, &s, time.Now())
	kept := s
	return plan.Object{Setting: &kept}, nil
}
