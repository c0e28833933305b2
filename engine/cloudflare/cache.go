package cloudflare

import (
	"sync"
	"time"

	"tlsync/engine/plan"
)

// cache holds what a Writer has read, so that a custom hostname can be written
// over a reading that is fresh enough without a request of its own.
//
// Readings and writes overlap. A write replaces an entry; a reading does only if
// it began after the entry's own time, so that a page that was on its way while
// a name on it was written does not bring back the state before.
type cache struct {
	mu        sync.Mutex
	hostnames map[string]customHostnameEntry // by id
	settings  map[settingKey]settingEntry
	lists     map[settingKey]*hostnameSettingsEntry
	busy      map[any]chan struct{} // closed when the page, or the list, has been read
}

type customHostnameEntry struct {
	hostname *plan.Hostname // nil where it has to be read again; never written to
	at       time.Time
	page     pageKey
}

// pageKey is where a custom hostname stood in the list.
type pageKey struct {
	zone       string
	page, size int
}

type settingKey struct{ zone, id string }

type settingEntry struct {
	reading *reading // nil where it has to be read again; never written to
	at      time.Time
}

// hostnameSettingsEntry is the list of the names in a zone that have a value of their own
// for a setting, and what was written since it was read.
type hostnameSettingsEntry struct {
	at     time.Time
	listed map[string]plan.Setting // by name
	wrote  map[string]settingEntry // by name
}

func newCache() *cache {
	return &cache{
		hostnames: map[string]customHostnameEntry{},
		settings:  map[settingKey]settingEntry{},
		lists:     map[settingKey]*hostnameSettingsEntry{},
		busy:      map[any]chan struct{}{},
	}
}

// putPages enters a whole list that was begun at a time.
func (c *cache) putPages(zone string, l *listing[plan.Hostname], at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range l.items {
		h := l.items[i] // a copy: the list is sorted in place later
		c.put(&h, pageKey{zone, l.pages[i], l.size}, at)
	}
}

// putPage enters one page that was read again.
func (c *cache) putPage(key pageKey, items []plan.Hostname, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range items {
		c.put(&items[i], key, at)
	}
}

func (c *cache) put(h *plan.Hostname, key pageKey, at time.Time) {
	if old, ok := c.hostnames[h.ID]; !ok || old.at.Before(at) {
		c.hostnames[h.ID] = customHostnameEntry{h, at, key}
	}
}

// putCustomHostname enters a reading of one name.
func (c *cache) putCustomHostname(h *plan.Hostname, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(h, c.hostnames[h.ID].page, at)
}

// wroteCustomHostname enters what the answer to a write showed, nil where it showed
// nothing certain.
func (c *cache) wroteCustomHostname(id string, h *plan.Hostname, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hostnames[id] = customHostnameEntry{h, at, c.hostnames[id].page}
}

// hostname is the entry of an id; ok is false if it is older than since.
func (c *cache) hostname(id string, since time.Time) (e customHostnameEntry, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e = c.hostnames[id]
	return e, e.hostname != nil && !e.at.Before(since)
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

// wroteSetting enters what the answer to a write showed, nil where it showed
// nothing certain.
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

// putHostnameSettings enters a list that was begun at a time. What was written after that
// stays as the answers showed it.
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

// hostnameSettingsEntry is the entry of a list, made if there is none. The caller has the
// lock.
func (c *cache) hostnameSettingsEntry(key settingKey) *hostnameSettingsEntry {
	e := c.lists[key]
	if e == nil {
		e = &hostnameSettingsEntry{wrote: map[string]settingEntry{}}
		c.lists[key] = e
	}
	return e
}

// wroteHostnameSetting enters what the answer to the write of a name in a zone showed, nil
// where it showed nothing certain.
func (c *cache) wroteHostnameSetting(key settingKey, name string, s *plan.Setting, at time.Time) {
	entry := settingEntry{at: at}
	if s != nil {
		entry.reading = &reading{Setting: *s}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hostnameSettingsEntry(key).wrote[name] = entry
}

// local is the value of a name in a zone, and of when; ok is false if what is known
// of it is older than since, or not certain.
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
	return noValue(key.id), e.at, true // the list is of all that have a value
}

// claim says that the caller is to read a page, or a list: a pageKey or a
// settingKey. Otherwise somebody else does, and the channel is closed when that
// is over.
func (c *cache) claim(key any) (busy <-chan struct{}, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch, ok := c.busy[key]; ok {
		return ch, false
	}
	ch := make(chan struct{})
	c.busy[key] = ch
	return ch, true
}

// release ends a claim.
func (c *cache) release(key any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.busy[key])
	delete(c.busy, key)
}
