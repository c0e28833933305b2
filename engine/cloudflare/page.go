package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cloudflare/cloudflare-go"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
)

// maxPages bounds a list that does not end by itself: four million names at the
// usual page size, two hundred thousand at the smallest.
const maxPages = 4000

// maxUntold bounds a list whose server does not say how long it is. The default
// rate lets as many requests through without a pause.
const maxUntold = 1000

// query describes a list.
type query[T any] struct {
	client *client
	path   string // with filters, without page and per_page
	// sizes are the page sizes to try, the largest first. The next one is tried
	// if the server refuses a size or fails over it.
	sizes []int
	// refused, if set, remembers how many of the sizes the server refused, so
	// that the next list of the kind starts with one that works.
	refused *atomic.Int32
	// filtered says that the total does not tell whether the list is complete:
	// Cloudflare documents that it counts all objects whatever the filter.
	filtered bool
	// least is the smallest page size of any server. A filtered page with fewer
	// items is the last.
	least int
	// enough, if set, may end a list of several pages after the first.
	enough func(pages int) bool
	decode func(result []byte) ([]T, error)
	id     func(*T) string
	// progress, if set, is called for each page with its number of items and
	// the total that the server counts, from several goroutines.
	progress func(items, total int)
	limit    int // pages under way at once
	log      *slog.Logger
}

// listing is a complete list in the order of the server, without duplicates.
type listing[T any] struct {
	items []T
	pages []int // the page of each item
	size  int   // the requested per_page
	// partial is set if the first page was enough.
	partial bool
	// untold is set if the server did not say how long the list is.
	untold bool
}

// incomplete is the error of a list that has not as many items as the server
// counts.
type incomplete struct{ seen, total int }

func (e *incomplete) Error() string {
	return fmt.Sprintf("the list has %d items, the server counts %d: %s", e.seen, e.total,
		"it changed while it was read, or paging is broken; try again")
}

// list reads all pages. Lists are sorted by a field that changes while they are
// read, so an item may appear twice or not at all. Therefore list compares the
// number of items with the server's total, and if they differ it reads
// everything once more. An incomplete list is an error: a missing item must not
// look as if it did not exist.
func list[T any](ctx context.Context, q query[T]) (*listing[T], error) {
	again, refused := true, false
	s := 0
	if q.refused != nil {
		s = min(int(q.refused.Load()), len(q.sizes)-1)
	}

	for {
		l, err := q.once(ctx, q.sizes[s])
		var short *incomplete
		var failed *Error
		switch {
		case err == nil:
			if refused && q.refused != nil {
				q.refused.Store(int32(s))
			}
			if l.untold {
				q.log.Warn("the server does not say how long the list is; read until a page had nothing new", "path", q.path, "items", len(l.items))
			}
			return l, nil
		case errors.As(err, &short) && again:
			again = false
		case errors.As(err, &failed) && s+1 < len(q.sizes) && failed.smallerMayDo() && ctx.Err() == nil:
			s++
			refused = refused || failed.Status == http.StatusBadRequest
		case short != nil:
			return nil, fmt.Errorf("GET %s: %w", q.path, err)
		default:
			return nil, err
		}
	}
}

// smallerMayDo reports whether a smaller page may succeed where this one
// failed.
func (e *Error) smallerMayDo() bool {
	return e.heavy || e.Status == http.StatusBadRequest && !e.Denied() || e.Status >= 500
}

// page is one page as the server sent it.
type page[T any] struct {
	items []T
	info  cloudflare.ResultInfo
}

func (q *query[T]) page(ctx context.Context, n, size int) (page[T], error) {
	var p page[T]
	err := q.client.read(ctx, pagePath(q.path, n, size), func(result []byte, info *cloudflare.ResultInfo) error {
		items, err := q.decode(result)
		p.items = items
		if info != nil {
			p.info = *info
		}
		return err
	})
	if err == nil && q.progress != nil {
		q.progress(len(p.items), p.info.Total)
	}
	return p, err
}

func pagePath(path string, n, size int) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "page=" + strconv.Itoa(n) + "&per_page=" + strconv.Itoa(size)
}

// once reads the list from its beginning, with pages of one size.
func (q *query[T]) once(ctx context.Context, size int) (*listing[T], error) {
	m := merger[T]{id: q.id, seen: map[string]bool{}, listing: listing[T]{size: size}}
	first, err := q.page(ctx, 1, size)
	if err != nil {
		return nil, err
	}
	m.add(1, first)

	got, total := len(first.items), first.info.Total
	if got == 0 && total <= 0 {
		return &m.listing, nil
	}
	if q.filtered && got < q.least {
		return m.result(total, true)
	}
	if q.filtered && total > got || total <= 0 || got == 0 {
		// The server does not say how many pages there are.
		m.untold = total <= 0
		if err := q.follow(ctx, &m, 2, size); err != nil {
			return nil, err
		}
		return m.result(total, q.filtered)
	}

	// The server may return fewer items than it was asked for, so the first page
	// tells the size.
	pages := (total-1)/got + 1
	if pages > maxPages {
		return nil, fmt.Errorf("GET %s: the server counts %d items and gives %d at a time: more than %d pages", q.path, total, got, maxPages)
	}
	if q.enough != nil && pages > 1 && q.enough(pages) {
		m.partial = true
		return &m.listing, nil
	}
	if err := q.rest(ctx, &m, first, pages, size); err != nil {
		return nil, err
	}
	return m.result(total, q.filtered)
}

// rest reads the pages after the first, several at once.
func (q *query[T]) rest(ctx context.Context, m *merger[T], first page[T], pages, size int) error {
	rest := make([]page[T], pages-1)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(q.limit)
	for i := range rest {
		group.Go(crash.Guard(func() (err error) {
			rest[i], err = q.page(gctx, i+2, size)
			if err == nil && q.same(first, rest[i]) {
				// The rest would be more of the same, for as long as the server counts.
				return fmt.Errorf("GET %s: the list has %d items, the server counts %d: page %d repeats page 1, so paging is broken",
					q.path, len(first.items), first.info.Total, i+2)
			}
			return err
		}))
	}
	if err := group.Wait(); err != nil {
		return err
	}

	last := first
	m.grow(min(first.info.Total, len(first.items)*pages))
	for i, p := range rest {
		m.add(i+2, p)
		last = p
	}

	// A total that is too small would end the list too early. One more page is
	// requested if the number of pages does not confirm it and there may be more:
	// the last page was full, or the server speaks of more pages.
	full := len(last.items) >= size || last.info.PerPage > 0 && len(last.items) >= last.info.PerPage
	if said := first.info.TotalPages; said != pages && (full || said > pages) {
		return q.follow(ctx, m, pages+1, size)
	}
	return nil
}

// same reports whether two pages begin and end alike.
func (q *query[T]) same(a, b page[T]) bool {
	last := len(a.items) - 1
	return last >= 0 && last == len(b.items)-1 && q.id(&a.items[0]) == q.id(&b.items[0]) && q.id(&a.items[last]) == q.id(&b.items[last])
}

// follow reads page after page until one has nothing new.
func (q *query[T]) follow(ctx context.Context, m *merger[T], n, size int) error {
	for end := n + maxUntold; n < end; n++ {
		p, err := q.page(ctx, n, size)
		if err != nil {
			return err
		}
		if m.add(n, p) == 0 {
			return nil
		}
	}
	return fmt.Errorf("GET %s: still more after %d pages, and the server does not say how many there are", q.path, n-1)
}

// merger joins pages.
type merger[T any] struct {
	listing[T]
	id    func(*T) string
	seen  map[string]bool
	total int // the largest of all pages
}

// grow makes room for a list of n items.
func (m *merger[T]) grow(n int) {
	m.items = slices.Grow(m.items, max(0, n-len(m.items)))
	m.pages = slices.Grow(m.pages, max(0, n-len(m.pages)))
}

// add adds a page and returns how many of its items are new.
func (m *merger[T]) add(n int, p page[T]) int {
	before := len(m.items)
	for i := range p.items {
		if id := m.id(&p.items[i]); !m.seen[id] {
			m.seen[id] = true
			m.items = append(m.items, p.items[i])
			m.pages = append(m.pages, n)
		}
	}
	m.total = max(m.total, p.info.Total)
	return len(m.items) - before
}

func (m *merger[T]) result(total int, filtered bool) (*listing[T], error) {
	if total = max(total, m.total); total > 0 && !filtered && len(m.items) != total {
		return nil, &incomplete{len(m.items), total}
	}
	return &m.listing, nil
}

// gather reads a list without documented page parameters. The first request has
// none; if the answer speaks of more, gather requests further pages in the size
// that the server gave. It ends when a page has nothing new, since a server
// that ignores the number of the page returns the first one again. A list with
// fewer items than the server counts is read once more, and then it is an
// error: a missing item must not look as if it did not exist.
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
	pages := 0 // the most that an answer named
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
