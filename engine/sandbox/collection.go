package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// meta is part of every object in a collection.
type meta struct {
	id, name         string
	created, updated time.Time
}

func (m *meta) common() *meta { return m }

// recorded is an object that appears in the history.
type recorded interface {
	object(*account) string
	own() map[string]json.RawMessage
}

// resource is an object of an account that is listed, created, replaced and
// deleted. Replacing one copies the new content over the old.
type resource[T any] interface {
	*T
	common() *meta
	label() string                   // the dashboard's name for it
	render(*account) any             // the object as the API shows it
	own() map[string]json.RawMessage // the content, without identifiers and times
	recorded(*account) []recorded    // the objects in whose history a write to this one appears
}

// collection is all objects of one kind in an account, with the endpoints to list,
// read, create, replace and delete them.
type collection[T any, P resource[T]] struct {
	items   func(*account) *[]P // in the order of creation
	noun    string
	unknown int // error code for an id that no object has

	pageSize int  // by default; 0 means that the list has no pages
	created  int  // status of the answer to POST
	deleted  int  // status of the answer to DELETE
	idOnly   bool // writes are answered with the id alone, a deletion with nothing

	most int // objects that an account may have; 0 means any number

	// parse reads and checks a body; old is nil for a new object.
	parse func(s *Server, c *call, a *account, old P) (P, *answer)
	// inUse refuses the deletion of an object that is needed elsewhere. It is nil if
	// every object can be deleted.
	inUse func(item P, c *call, a *account) *answer
	// written makes the changes that follow from the new content of an object; nil if
	// nothing follows.
	written func(s *Server, c *call, a *account, item P)

	takeID func(a *account, item P) // gives a new object its id
	// ignored prepares a new object for the answer if a fault ignores its creation.
	ignored func(a *account, item P)
}

// routes are the endpoints of the collection below a path.
func (k *collection[T, P]) routes(path, read, edit string) []route[*account] {
	var params []string
	if k.pageSize > 0 {
		params = pageParams
	}
	return []route[*account]{
		{"GET", path, []string{read}, params, k.list},
		{"POST", path, []string{edit}, nil, k.create},
		{"GET", path + "/*", []string{read}, nil, k.with(k.show)},
		{"PUT", path + "/*", []string{edit}, nil, k.with(k.edit)},
		{"DELETE", path + "/*", []string{edit}, nil, k.with(k.delete)},
	}
}

// with looks up the object whose id is the first wildcard of the path.
func (k *collection[T, P]) with(run func(*Server, *call, *account, P) *answer) func(*Server, *call, *account) *answer {
	return func(s *Server, c *call, a *account) *answer {
		item := find(*k.items(a), func(item P) bool { return item.common().id == c.args[0] })
		if item == nil {
			return fail(http.StatusNotFound, k.unknown, k.noun+" not found")
		}
		return run(s, c, a, item)
	}
}

// find returns the first item that fits, nil if none does.
func find[T any, P ~*T](items []P, fits func(P) bool) P {
	if i := slices.IndexFunc(items, fits); i >= 0 {
		return items[i]
	}
	return nil
}

func (k *collection[T, P]) list(_ *Server, c *call, a *account) *answer {
	items := *k.items(a)
	if k.pageSize > 0 {
		return pagedBy(c, k.pageSize, len(items), func(i int) any { return items[i].render(a) })
	}
	out := []any{}
	for _, item := range items {
		out = append(out, item.render(a))
	}
	return ok(http.StatusOK, out)
}

func (k *collection[T, P]) show(_ *Server, _ *call, a *account, item P) *answer {
	return ok(http.StatusOK, item.render(a))
}

// answer is the answer to a write that left the object there.
func (k *collection[T, P]) answer(status int, a *account, item P) *answer {
	if k.idOnly {
		return ok(status, idJSON{item.common().id})
	}
	return ok(status, item.render(a))
}

func (k *collection[T, P]) create(s *Server, c *call, a *account) *answer {
	item, bad := k.parse(s, c, a, nil)
	if bad != nil {
		return bad
	}
	if k.most > 0 && len(*k.items(a)) >= k.most {
		return fail(http.StatusBadRequest, accessOverLimit, fmt.Sprintf("an account has no more than %d %s", k.most, k.noun+"s"))
	}

	m := item.common()
	m.created, m.updated = c.now, c.now
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		k.ignored(a, item)
		return k.answer(k.created, a, item)
	}

	k.add(a, item)
	k.apply(s, c, a, item)
	c.entry.Effect = EffectCreated
	for _, r := range item.recorded(a) {
		c.entry.wrote(r.object(a), nil, r.own())
	}
	return k.answer(k.created, a, item)
}

// add puts an object into the account and gives it an id. It is all that a seed
// needs: a seed may hold what no write could bring about.
func (k *collection[T, P]) add(a *account, item P) {
	k.takeID(a, item)
	items := k.items(a)
	*items = append(*items, item)
}

// apply sends a new content towards the edge.
func (k *collection[T, P]) apply(s *Server, c *call, a *account, item P) {
	if k.written != nil {
		k.written(s, c, a, item)
	}
	s.publish(a)
}

func (k *collection[T, P]) edit(s *Server, c *call, a *account, item P) *answer {
	next, bad := k.parse(s, c, a, item)
	switch {
	case bad != nil:
		return bad
	case c.ignoreWrite:
		c.entry.Effect = EffectIgnored
	default:
		k.replace(s, c, a, item, next)
	}
	return k.answer(http.StatusOK, a, item)
}

// replace gives an object another content and records the write.
func (k *collection[T, P]) replace(s *Server, c *call, a *account, item, next P) {
	shown := item.recorded(a)
	writes := make([]Write, len(shown))
	for i, r := range shown {
		writes[i] = Write{Object: r.object(a), Before: r.own()}
	}
	before := item.own()

	m := next.common()
	m.id, m.created, m.updated = item.common().id, item.common().created, c.now
	*item = *next
	k.apply(s, c, a, item)

	c.entry.Effect = changedOrNot(before, item.own())
	for i, r := range shown {
		c.entry.wrote(writes[i].Object, writes[i].Before, r.own())
	}
}

// changedOrNot is the effect of a write, given the content before and after.
func changedOrNot(before, after map[string]json.RawMessage) Effect {
	if maps.EqualFunc(before, after, func(x, y json.RawMessage) bool { return string(x) == string(y) }) {
		return EffectNoop
	}
	return EffectChanged
}

func (k *collection[T, P]) delete(s *Server, c *call, a *account, item P) *answer {
	if k.inUse != nil {
		if bad := k.inUse(item, c, a); bad != nil {
			return bad
		}
	}

	c.entry.Effect = EffectIgnored
	if !c.ignoreWrite {
		c.entry.Effect = EffectDeleted
		k.remove(s, c, a, item)
	}
	if k.idOnly {
		return ok(k.deleted, nil)
	}
	return ok(k.deleted, idJSON{item.common().id})
}

func (k *collection[T, P]) remove(s *Server, c *call, a *account, item P) {
	shown := item.recorded(a)
	items := k.items(a)
	*items = slices.DeleteFunc(*items, func(o P) bool { return o == item })
	s.publish(a)
	for _, r := range shown {
		c.entry.wrote(r.object(a), r.own(), nil)
	}
}

// dashboard deletes the object of a label or id, or changes a copy of it that then
// replaces it. It reports whether there was anything to do. The id is then in c.args, where
// a request would have it.
func (k *collection[T, P]) dashboard(s *Server, c *call, a *account, name string, remove bool, change func(P) bool) bool {
	item := find(*k.items(a), func(item P) bool { return item.label() == name || item.common().id == name })
	if item == nil {
		return false
	}
	c.args = []string{item.common().id}
	if remove {
		k.remove(s, c, a, item)
		return true
	}

	next := *item
	if !change(&next) {
		return false
	}
	k.replace(s, c, a, item, &next)
	return true
}

// pagedBy answers with one page of n items. size is the size of a page where the
// request asks for none.
func pagedBy(c *call, size, n int, item func(int) any) *answer {
	if !c.query.Has("per_page") {
		c.query.Set("per_page", fmt.Sprint(size))
	}
	return paged(c, n, n, pageLimits{max: 1000}, func(i int) json.RawMessage { return encode(item(i)) })
}

// newID derives the id of the next object of a kind and name. One created anew
// has another id than the one that was deleted.
func (a *account) newID(kind, name string) string {
	if a.made == nil {
		a.made = map[string]int{}
	}
	key := kind + "/" + name
	a.made[key]++
	return uuid(a.id, fmt.Sprintf("%s/%d", key, a.made[key]))
}
