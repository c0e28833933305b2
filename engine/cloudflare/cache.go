package cloudflare

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"tlsync/engine/plan"
)

// cache holds the readings of a Writer, so that it can write a custom hostname
// over a reading that is fresh enough, without a request for each.
//
// Readings and writes overlap. A write replaces an entry. A reading replaces
// only an entry older than the start of the reading: a page that was under way
// during the write of a name on it must not bring back the old state.
type cache struct {
	mu               sync.Mutex
	customHostnames  map[string]customHostnameEntry // by id
	pages            map[pageKey][]string           // the ids on a page of custom hostnames
	places           map[string]*places             // by zone
	settings         map[settingKey]settingEntry
	hostnameSettings map[settingKey]*hostnameSettingsEntry
	busy             map[any]chan struct{} // closed when the page or the list has been read
}

type customHostnameEntry struct {
	hostname *plan.Hostname // nil if it has to be read again; never modified
	at       time.Time      // decides between readings and writes
	seen     time.Time      // the state is no older than this
	page     pageKey        // zero if it is not known
}

// places says how well the places of a zone's custom hostnames are known.
type places struct {
	size     int // of the pages on which names are read again
	largest  int // page that the server gives
	requests int // that the whole list takes
	lost     int // hostnames that left their page since it was read
}

// pageKey is the place of a custom hostname in the list.
type pageKey struct {
	zone       string
	page, size int
}

type settingKey struct{ zone, id string }

type settingEntry struct {
	reading *reading // nil if it has to be read again; never modified
	at      time.Time
}

// hostnameSettingsEntry is the list of the hostnames in a zone that have their
// own value for a setting, and the writes since it was read.
type hostnameSettingsEntry struct {
	at     time.Time
	listed map[string]plan.Setting // by name
	wrote  map[string]settingEntry // by name
}

func newCache() *cache {
	return &cache{
		customHostnames:  map[string]customHostnameEntry{},
		pages:            map[pageKey][]string{},
		places:           map[string]*places{},
		settings:         map[settingKey]settingEntry{},
		hostnameSettings: map[settingKey]*hostnameSettingsEntry{},
		busy:             map[any]chan struct{}{},
	}
}

// refreshSizes are the sizes of the pages on which custom hostnames are read again. A
// small page is quick to read.
var refreshSizes = []int{50, 100, 250, 500, 1000}

// putPages stores a list whose reading began at a time, and where each name will be on
// the pages on which names are read again.
func (c *cache) putPages(zone string, l *listing[plan.Hostname], at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()

	first, last := 0, 0
	for _, n := range l.pages {
		last = max(last, n)
		if n == 1 {
			first++
		}
	}
	p := &places{size: refreshSizes[0], largest: l.size, requests: last}
	if last > 1 {
		p.largest = min(l.size, first)
	}
	if old := c.places[zone]; old != nil {
		p.size = old.size
	}
	c.places[zone] = p

	ids := make([]string, len(l.items))
	for i := range l.items {
		h := l.items[i] // a copy: the caller sorts the list in place
		c.put(&h, pageKey{zone, l.pages[i], l.size}, at)
		ids[i] = h.ID
	}
	c.divide(zone, ids)
}

// divide divides the names of a zone, in the order of the list, into pages. If the
// server gives only smaller ones, they stay on those of the list. The caller holds the
// lock.
func (c *cache) divide(zone string, ids []string) {
	for key := range c.pages {
		if key.zone == zone {
			delete(c.pages, key)
		}
	}
	p := c.places[zone]
	for i, id := range ids {
		e := c.customHostnames[id]
		if p.size <= p.largest {
			e.page = pageKey{zone, i/p.size + 1, p.size}
			c.customHostnames[id] = e
		}
		c.pages[e.page] = append(c.pages[e.page], id)
	}
}

// expect chooses the size of a zone's pages for names that are to be written: the
// smallest of which a page has enough of them on average, so that a reading serves many
// writes.
func (c *cache) expect(zone string, written []string, enough int) {
	c.mu.Lock()
	defer c.mu.Unlock()

	p := c.places[zone]
	if p == nil || p.size > p.largest {
		return
	}
	var keys []pageKey
	for key := range c.pages {
		if key.zone == zone {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b pageKey) int { return cmp.Compare(a.page, b.page) })
	var ids []string
	at := map[string]int{}
	for _, key := range keys {
		for _, id := range c.pages[key] {
			at[id] = len(ids)
			ids = append(ids, id)
		}
	}

	for _, size := range refreshSizes {
		if size > p.largest {
			break
		}
		p.size = size
		n, pages := 0, map[int]bool{}
		for _, id := range written {
			if i, listed := at[id]; listed {
				n++
				pages[i/size] = true
			}
		}
		if n >= enough*len(pages) {
			break
		}
	}
	c.divide(zone, ids)
}

// putPage stores one page that was read again. Names that are gone from it have an
// unknown place.
func (c *cache) putPage(key pageKey, items []plan.Hostname, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()

	before := c.pages[key]
	ids := make([]string, len(items))
	found := make(map[string]bool, len(items))
	for i := range items {
		c.put(&items[i], key, at)
		ids[i] = items[i].ID
		found[items[i].ID] = true
	}
	c.pages[key] = ids

	for _, id := range before {
		if e := c.customHostnames[id]; !found[id] && e.page == key {
			e.page = pageKey{}
			c.customHostnames[id] = e
			if z := c.places[key.zone]; z != nil {
				z.lost++
			}
		}
	}
}

// astray reports whether so many names of a zone have an unknown place that reading
// the whole list takes fewer requests than reading each of them.
func (c *cache) astray(zone string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	z := c.places[zone]
	return z != nil && z.lost > 2*z.requests
}

// members returns the ids of the names on a page, as far as is known.
func (c *cache) members(key pageKey) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, id := range c.pages[key] {
		if c.customHostnames[id].page == key {
			out = append(out, id)
		}
	}
	return out
}

// put stores a reading of a custom hostname, and its place even if a later write is
// known.
func (c *cache) put(h *plan.Hostname, key pageKey, at time.Time) {
	old, ok := c.customHostnames[h.ID]
	if !ok || old.at.Before(at) {
		old = customHostnameEntry{hostname: h, at: at, seen: at}
	}
	old.page = key
	c.customHostnames[h.ID] = old
}

// putCustomHostname stores a reading of one custom hostname.
func (c *cache) putCustomHostname(h *plan.Hostname, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(h, c.customHostnames[h.ID].page, at)
}

// wroteCustomHostname stores the state that the answer to a write shows, nil if
// it shows nothing certain. The answer came at a time, and the write was sent at another
// or later.
func (c *cache) wroteCustomHostname(id string, h *plan.Hostname, at, sent time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.customHostnames[id] = customHostnameEntry{h, at, sent, c.customHostnames[id].page}
}

// customHostname returns the entry of an id; ok is false if it is older than
// since.
func (c *cache) customHostname(id string, since time.Time) (e customHostnameEntry, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e = c.customHostnames[id]
	return e, e.hostname != nil && !e.seen.Before(since)
}

func (c *cache) putSettings(zone string, settings map[string]reading, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range settings {
		key := settingKey{zone, id}
		if old, ok := c.settings[key]; !ok || old.at.Before(at) {
			c.settings[key] = settingEntry{&s, at}
		}
	}
}

// wroteSetting stores the state that the answer to a write shows, nil if it
// shows nothing certain.
func (c *cache) wroteSetting(key settingKey, s *reading, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings[key] = settingEntry{s, at}
}

func (c *cache) setting(zone, id string, since time.Time) (r reading, at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.settings[settingKey{zone, id}]
	if e.reading == nil || e.at.Before(since) {
		return reading{}, time.Time{}, false
	}
	return *e.reading, e.at, true
}

// putHostnameSettings stores a list whose reading began at a time. Later writes
// keep precedence.
func (c *cache) putHostnameSettings(key settingKey, items []hostnameSetting, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()

	e := c.hostnameSettingsEntry(key)
	if !e.at.Before(at) {
		return
	}

	e.at, e.listed = at, make(map[string]plan.Setting, len(items))
	for _, l := range items {
		e.listed[l.name] = l.Setting
	}

	for name, w := range e.wrote {
		if w.at.Before(at) {
			delete(e.wrote, name)
		}
	}
}

// hostnameSettingsEntry returns the entry of a list, a new one if there is
// none. The caller holds the lock.
func (c *cache) hostnameSettingsEntry(key settingKey) *hostnameSettingsEntry {
	e := c.hostnameSettings[key]
	if e == nil {
		e = &hostnameSettingsEntry{wrote: map[string]settingEntry{}}
		c.hostnameSettings[key] = e
	}
	return e
}

// wroteHostnameSetting stores the value that the answer to a write of a
// hostname in a zone shows, nil if it shows nothing certain.
func (c *cache) wroteHostnameSetting(key settingKey, name string, s *plan.Setting, at time.Time) {
	entry := settingEntry{at: at}
	if s != nil {
		entry.reading = &reading{Setting: *s}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hostnameSettingsEntry(key).wrote[name] = entry
}

// hostnameSetting returns the value of a hostname in a zone and the time of its
// reading; ok is false if the value is older than since or not certain.
func (c *cache) hostnameSetting(key settingKey, name string, since time.Time) (s plan.Setting, at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()

	e := c.hostnameSettingsEntry(key)
	if w, ok := e.wrote[name]; ok {
		if w.reading == nil || w.at.Before(since) {
			return plan.Setting{}, time.Time{}, false
		}
		return w.reading.Setting, w.at, true
	}

	if e.listed == nil || e.at.Before(since) {
		return plan.Setting{}, time.Time{}, false
	}
	if s, ok := e.listed[name]; ok {
		return s, e.at, true
	}
	return noValue(key.id), e.at, true // the list has every hostname with a value
}

// shared reads a page or a list that several changes wait for: one caller runs
// read, the others wait for it to end. The key is a pageKey or a settingKey.
func (c *cache) shared(ctx context.Context, key any, read func() error) error {
	c.mu.Lock()
	done, busy := c.busy[key]
	if !busy {
		done = make(chan struct{})
		c.busy[key] = done
	}
	c.mu.Unlock()

	if busy {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}

	defer func() { // even after a panic, since others wait
		c.mu.Lock()
		defer c.mu.Unlock()
		close(done)
		delete(c.busy, key)
	}()
	return read()
}
