package cloudflare

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloudflare/cloudflare-go"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// readZoneHostnames reads which names in a zone have values of their own: one list for each
// setting. The names are sorted; read are the settings that could be read.
func (r *Reader) readZoneHostnames(ctx context.Context, c *client, z *plan.Zone, need []string) (names []plan.Hostname, read []string, g gaps, err error) {
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
	at := map[string]int{} // index in names, by name
	for i, id := range need {
		if failures[i] != nil {
			g.add(plan.PerHostname(id), onZone(failures[i], z.Name))
			continue
		}
		read = append(read, id)
		for _, l := range lists[i] {
			n, ok := at[l.name]
			if !ok {
				n = len(names)
				at[l.name] = n
				names = append(names, plan.Hostname{Name: l.name, InZone: true})
			}
			names[n].Settings = append(names[n].Settings, l.Setting)
		}
	}
	for i := range names {
		slices.SortFunc(names[i].Settings, func(a, b plan.Setting) int { return cmp.Compare(a.ID, b.ID) })
	}
	slices.SortFunc(names, func(a, b plan.Hostname) int { return cmp.Compare(a.Name, b.Name) })
	return names, read, g, nil
}

// local is the value that a name in a zone has of its own for a setting.
type hostnameSetting struct {
	name string
	plan.Setting
}

// readHostnameSettings reads the list of one setting: the names with a value, each once.
func (r *Reader) readHostnameSettings(ctx context.Context, c *client, zone, id string) ([]hostnameSetting, error) {
	start := time.Now()
	items, err := gather(ctx, c, plan.HostnameSettingsPath(zone, id), func(result []byte) ([]hostnameSetting, error) {
		return decodeHostnameSettings(result, id)
	}, func(l *hostnameSetting) string {
		// A name that is deleted and set again may stand in the list twice.
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

func decodeHostnameSettings(result []byte, id string) ([]hostnameSetting, error) {
	return decodeList(result, func(item []byte) (hostnameSetting, error) {
		l, err := decodeHostnameSetting(item, id)
		if err == nil && l.name == "" {
			err = errors.New("a value without a hostname")
		}
		return l, err
	})
}

// decodeHostnameSetting reads the value of one hostname. An entry that is being deleted has
// no value. An entry that does not show a value is an error, since that differs
// from having none.
func decodeHostnameSetting(text []byte, id string) (hostnameSetting, error) {
	l := hostnameSetting{Setting: noValue(id)}
	row, ok := schema.LookupSetting(id)
	if !ok {
		return l, fmt.Errorf("%s is no setting", id)
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

// readName is the present value of a name in a zone, from the list of all that
// have one.
func (w *Writer) readName(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	key := settingKey{c.ZoneID, c.ObjectID}
	start := time.Now()
	if maxAge <= 0 {
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
	since := start.Add(-maxAge)
	if s, at, ok := w.cache.hostnameSetting(key, c.Name, since); ok {
		return plan.Object{Setting: &s, At: at}, nil
	}
	// Of those that wait for the same list, one reads it.
	if busy, mine := w.cache.claim(key); mine {
		err := func() error {
			defer w.cache.release(key)
			_, err := w.readHostnameSettings(ctx, cl, c.ZoneID, c.ObjectID)
			return err
		}()
		if err != nil {
			return plan.Object{}, err
		}
	} else {
		select {
		case <-busy:
		case <-ctx.Done():
			return plan.Object{}, context.Cause(ctx)
		}
	}
	if s, at, ok := w.cache.hostnameSetting(key, c.Name, since); ok {
		return plan.Object{Setting: &s, At: at}, nil
	}
	return w.readName(ctx, cl, c, 0)
}

// acceptName takes over the answer to a write of a name in a zone.
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

// gather reads a list of which no page parameters are documented. It is first
// asked for as it is; only an answer that speaks of more has its further pages
// asked for, in the size that the server gave. A server that ignores the number
// of the page shows the first one again, which has nothing new, and there it
// ends. A list that has less than the server counts is read once more, and then
// it is an error: what is missing from it must not look as if it did not exist.
func gather[T any](ctx context.Context, c *client, path string, decode func(result []byte) ([]T, error), id func(*T) string) ([]T, error) {
	items, err := gatherOnce(ctx, c, path, decode, id)
	var short *incomplete
	if errors.As(err, &short) {
		items, err = gatherOnce(ctx, c, path, decode, id)
	}
	return items, err
}

func gatherOnce[T any](ctx context.Context, c *client, path string, decode func(result []byte) ([]T, error), id func(*T) string) ([]T, error) {
	var m merger[T]
	m.id, m.seen = id, map[string]bool{}
	pages := 0 // the most that an answer spoke of
	for n, at := 1, path; ; n++ {
		if n > maxUntold {
			return nil, fmt.Errorf("GET %s: still more after %d pages", path, n-1)
		}
		var p page[T]
		err := c.read(ctx, at, func(result []byte, info *cloudflare.ResultInfo) (err error) {
			p.items, err = decode(result)
			if info != nil {
				p.info = *info
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		fresh := m.add(n, p)
		pages = max(pages, p.info.TotalPages)
		more := len(m.items) < m.total || m.total <= 0 && n < pages
		switch {
		case !more:
			return m.items, nil
		case fresh == 0 && m.total > 0:
			return nil, fmt.Errorf("GET %s: %w", path, &incomplete{len(m.items), m.total})
		case fresh == 0:
			return nil, fmt.Errorf("GET %s: the server counts %d pages, and page %d has nothing new: %s", path, pages, n,
				"the list changed while it was read, or paging is broken; try again")
		}
		at = path + "?page=" + fmt.Sprint(n+1)
		if p.info.PerPage > 0 {
			at = pagePath(path, n+1, p.info.PerPage)
		}
	}
}
