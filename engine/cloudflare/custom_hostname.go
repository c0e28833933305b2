package cloudflare

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// customHostnamePages are the page sizes for custom hostnames. The API takes up
// to 1,000; older deployments of it took 50, and its documentation warns that
// the largest pages may time out.
var customHostnamePages = []int{1000, 500, 250, 100, 50}

// readCustomHostnames reads the custom hostnames of a zone, sorted by name. With
// names it reads at least those: it requests each by itself if that takes fewer
// requests than the whole list. The first page of the list tells how long it is. It
// requests even a name on that page, since the name may also be on another page.
func (r *Reader) readCustomHostnames(ctx context.Context, c *client, z *plan.Zone, names []string) ([]plan.Hostname, error) {
	start := time.Now()
	q := query[plan.Hostname]{
		client:   c,
		path:     plan.CustomHostnamesPath(z.ID),
		sizes:    customHostnamePages,
		refused:  &c.refused,
		decode:   decodeCustomHostnames,
		id:       func(h *plan.Hostname) string { return h.ID },
		progress: func(items, total int) { r.emit(Event{Zone: z.Name, Items: items, Total: total}) },
		limit:    r.concurrency,
		log:      r.log,
	}
	if len(names) > 0 {
		q.enough = func(pages int) bool { return pages-1 > len(names) }
	}

	l := &listing[plan.Hostname]{partial: true}
	if len(names) != 1 {
		var err error
		if l, err = list(ctx, q); err != nil {
			return nil, err
		}
		if r.cache != nil {
			r.cache.putPages(z.ID, l, start)
		}
	}
	if l.partial {
		var err error
		if l.items, err = r.readNamed(ctx, c, z.ID, names); err != nil {
			return nil, err
		}
	}

	slices.SortFunc(l.items, func(a, b plan.Hostname) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	if l.items == nil {
		l.items = []plan.Hostname{} // not nil: the list was read, if empty
	}
	return l.items, nil
}

// readNamed reads custom hostnames by name, with one request for each.
func (r *Reader) readNamed(ctx context.Context, c *client, zone string, names []string) ([]plan.Hostname, error) {
	found := make([][]plan.Hostname, len(names))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i, name := range names {
		group.Go(crash.Guard(func() error {
			start := time.Now()
			l, err := list(gctx, query[plan.Hostname]{
				client: c, path: plan.CustomHostnamesPath(zone) + "?hostname=" + url.QueryEscape(name),
				sizes: []int{50}, filtered: true, least: 5, decode: decodeCustomHostnames,
				id: func(h *plan.Hostname) string { return h.ID }, limit: r.concurrency, log: r.log,
			})
			if err != nil {
				return err
			}

			// A server may ignore the filter, or match parts of names.
			for j := range l.items {
				if h := l.items[j]; h.Name == name {
					found[i] = append(found[i], h)
					if r.cache != nil {
						r.cache.putCustomHostname(&h, start)
					}
				}
			}
			return nil
		}))
	}
	err := group.Wait()
	return slices.Concat(found...), err
}

func decodeCustomHostnames(result []byte) ([]plan.Hostname, error) {
	var out []plan.Hostname
	if n := bytes.Count(result, []byte(`"hostname"`)); n > 0 {
		out = make([]plan.Hostname, 0, n)
	}

	d := newCustomHostnameDecoder(result)
	seen := make(map[string]int, cap(out)) // index in out, by id
	err := d.array(func() error {
		h, err := d.hostname()
		if i, ok := seen[h.ID]; ok && err == nil && !slices.Equal(out[i].Settings, h.Settings) {
			// Neither can be trusted. On different pages it may have changed in between.
			err = errors.New("custom hostname " + h.ID + " is listed twice, with different settings")
		}
		seen[h.ID] = len(out)
		out = append(out, h)
		return err
	})
	return out, err
}

func decodeCustomHostname(result []byte) (plan.Hostname, error) {
	return newCustomHostnameDecoder(result).hostname()
}

// customHostnameDecoder reads custom hostnames. It keeps values that many of
// them share, words like "active" and whole ssl.settings, once per page; nobody
// may modify the shared slices of settings.
type customHostnameDecoder struct {
	cursor
	words    map[string]string
	settings map[string][]plan.Setting
	shown    bool // some ssl.settings was an object, if an empty one
}

func newCustomHostnameDecoder(result []byte) *customHostnameDecoder {
	return &customHostnameDecoder{cursor: cursor{b: result}, words: map[string]string{}, settings: map[string][]plan.Setting{}}
}

// word reads a string, "" for null.
func (d *customHostnameDecoder) word() (string, error) {
	if d.null() {
		return "", nil
	}

	b, err := d.text()
	if err != nil {
		return "", err
	}

	w, ok := d.words[string(b)]
	if !ok {
		w = string(b)
		d.words[w] = w
	}
	return w, nil
}

// name reads a hostname and makes it canonical, "" for null.
func (d *customHostnameDecoder) name() (string, error) {
	w, err := d.word()
	if w == "" {
		return "", err
	}
	return canonicalName(w), err
}

// hostname reads one object. It skips unknown keys; a known key must have the
// type it always had, since a zero value in place of a misread one would pass
// for live state.
func (d *customHostnameDecoder) hostname() (plan.Hostname, error) {
	var h plan.Hostname
	var name string

	err := d.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			var b []byte
			b, err = d.text()
			h.ID = string(b)
		case "hostname":
			var b []byte
			b, err = d.text()
			name = string(b)
		case "status":
			h.Status, err = d.word()
		case "ssl":
			if !d.null() {
				h.SSL = true
				err = d.ssl(&h)
			}
		case "custom_origin_server":
			h.OriginServer, err = d.name()
		case "custom_origin_sni":
			h.OriginSNI, err = d.name()
		case "custom_metadata":
			if !d.null() {
				h.Metadata, err = d.metadata()
			}
		default:
			d.skip()
		}
		return err
	})

	switch {
	case err != nil:
		return h, err
	case !validID(h.ID):
		return h, errors.New("a custom hostname without a usable id")
	case name == "":
		return h, errors.New("custom hostname " + h.ID + " has no name")
	}

	h.Name = canonicalName(name)
	return h, nil
}

// ssl reads the member ssl.
func (d *customHostnameDecoder) ssl(h *plan.Hostname) error {
	err := d.object(func(key []byte) (err error) {
		switch string(key) {
		case "status":
			h.SSLStatus, err = d.word()
		case "type":
			h.Type, err = d.word()
			// The API of certificate packs calls uploaded certificates
			// mh_custom, sni_custom and legacy_custom.
			h.Uploaded = h.Uploaded || strings.Contains(h.Type, "custom")
		case "method":
			h.Method, err = d.word()
		case "bundle_method":
			h.BundleMethod, err = d.word()
		case "certificate_authority":
			h.Authority, err = d.word()
		case "wildcard":
			if !d.null() {
				h.Wildcard, err = d.boolean()
			}
		case "custom_certificate", "custom_key", "custom_csr_id", "custom_cert_bundle":
			// These are empty if nothing was uploaded.
			switch string(d.skip()) {
			case "null", `""`, "[]", "{}", "false":
			default:
				h.Uploaded = true
			}
		case "expires_on":
			if d.next() != '"' { // nothing is decided by it
				d.skip()
				return nil
			}
			h.Expires, err = d.word()
		case "certificates":
			if !d.null() {
				err = d.keys(h)
			}
		case "settings":
			if !d.null() {
				d.shown = true
				h.Settings, err = d.sslSettings()
			}
		default:
			d.skip()
		}
		return err
	})

	if !h.Uploaded {
		h.Keys = 0 // Cloudflare issues both kinds, if not at once
	}
	return err
}

// keys reads the kinds of keys from the signatures of certificates:
// "ECDSAWithSHA256", "SHA256WithRSA".
func (d *customHostnameDecoder) keys(h *plan.Hostname) error {
	unknown := false

	err := d.array(func() error {
		return d.object(func(key []byte) error {
			if string(key) != "signature" {
				d.skip()
				return nil
			}
			raw := string(d.skip())
			switch {
			case strings.Contains(raw, "ECDSA"):
				h.Keys |= schema.ECDSAKey
			case strings.Contains(raw, "RSA"):
				h.Keys |= schema.RSAKey
			default:
				unknown = true
			}
			return nil
		})
	})

	if unknown {
		h.Keys = 0
	}
	return err
}

// metadata reads custom_metadata.
func (d *customHostnameDecoder) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := d.object(func(key []byte) error {
		k := string(key)
		if d.next() != '"' {
			// Older metadata may hold any JSON. Kept as text, it can still be
			// matched.
			m[k] = string(d.skip())
			return nil
		}
		v, err := d.word()
		m[k] = v
		return err
	})

	if len(m) == 0 {
		m = nil
	}
	return m, err
}

// sslSettings reads ssl.settings with all its keys: a PATCH replaces the whole
// object, so it must send back even keys that tlsync does not know.
func (d *customHostnameDecoder) sslSettings() ([]plan.Setting, error) {
	if d.next() != '{' {
		return nil, d.want("an object")
	}

	raw := d.skip()
	if s, ok := d.settings[string(raw)]; ok {
		return s, nil
	}

	var out []plan.Setting
	inner := cursor{b: raw}
	err := inner.object(func(key []byte) error {
		s := plan.Setting{ID: string(key), Raw: string(inner.skip())}
		row, ok := schema.LookupSetting(s.ID)
		if ok && row.On(schema.CustomHostnameLevel) {
			s.Value = row.Canonical([]byte(s.Raw), schema.CustomHostnameLevel)
		} else {
			s.Value = compacted(s.Raw)
		}
		i := slices.IndexFunc(out, func(o plan.Setting) bool { return o.ID == s.ID })
		switch {
		case i < 0:
			out = append(out, s)
		case out[i].Value != s.Value:
			// Neither can be trusted.
			return fmt.Errorf("it is given twice, as %s and as %s", out[i].Value, s.Value)
		}
		return nil
	})

	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b plan.Setting) int { return strings.Compare(a.ID, b.ID) })
	out = slices.Clip(out)
	d.settings[string(raw)] = out
	return out, nil
}

// compacted returns the value of a setting that is not in the table of
// settings.
func compacted(raw string) schema.Value {
	var v schema.Value
	if v.UnmarshalJSON([]byte(raw)) != nil || v == "" {
		return schema.Inherit
	}
	return v
}

// validID rejects ids that could lead a path elsewhere, even if a proxy undoes
// the escaping. Otherwise ids are opaque: their form has changed before.
func validID(id string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/\?#%`, r) }
	return id != "" && len(id) <= 100 && id != "." && id != ".." && !strings.ContainsFunc(id, odd)
}

// canonicalName returns the form in which names are compared. A live name that
// is not a valid hostname only becomes lower case.
func canonicalName(s string) string {
	if plainName(s) {
		return s
	}
	if n, err := schema.CanonicalHostname(s); err == nil {
		return n
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

// plainName reports whether a name is obviously canonical, as nearly all live
// ones are.
func plainName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.' && i < len(s)-1:
		default:
			return false
		}
	}
	return true
}
