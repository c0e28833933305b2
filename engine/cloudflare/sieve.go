package cloudflare

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"
)

// fields select the parts of an object to keep: each key to keep has nil to
// keep its whole value, fields to keep parts of it, or brief.
type fields map[string]fields

// brief keeps of a value only whether it is empty. The value may be a whole
// certificate.
var brief = fields{}

// customHostnameFields select the parts of a page of custom hostnames to keep.
// Every key that the decoder knows has to be here too.
var customHostnameFields = fields{
	"success": nil, "errors": nil, "messages": nil, "result_info": nil,
	"result": {
		"id": nil, "hostname": nil, "status": nil, "custom_origin_server": nil, "custom_origin_sni": nil, "custom_metadata": nil,
		"ssl": {
			"status": nil, "type": nil, "method": nil, "bundle_method": nil, "certificate_authority": nil, "wildcard": nil, "settings": nil, "expires_on": nil,
			"custom_certificate": brief, "custom_key": brief, "custom_csr_id": brief, "custom_cert_bundle": brief,
			"certificates": {"signature": nil},
		},
	},
}

// get returns the fields below a key, which is in its quoted form, and whether
// to keep the key.
func (f fields) get(key []byte) (below fields, keep bool) {
	if bytes.IndexByte(key, '\\') >= 0 {
		var k string
		if json.Unmarshal(key, &k) == nil {
			below, keep = f[k]
			return below, keep
		}
	}
	below, keep = f[string(key[1:len(key)-1])]
	return below, keep
}

// sieve copies JSON text while it arrives, without the parts that nobody reads.
// A custom hostname carries certificates and validation records of any size;
// the sieve keeps them out of memory.
//
// It copies text unchanged, for others to check. In text that it drops it
// checks only the structure, to find the end.
type sieve struct {
	r    io.Reader
	buf  []byte
	win  []byte // the part of buf still to be read
	seen int64  // bytes of the text up to the end of win
	end  bool   // the text ends after win
	out  []byte
	drop bool // do not copy
	err  error
}

// maxDepth bounds the nesting of a text. Cloudflare's answers have ten levels.
const maxDepth = 200

var sieveBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// sift returns the text of r without the parts that fields do not select. If
// the text is not JSON, the result is not JSON either. The error is that of r.
func sift(r io.Reader, keep fields) ([]byte, error) {
	buf := sieveBuffers.Get().(*[64 << 10]byte)
	defer sieveBuffers.Put(buf)
	s := sieve{r: r, buf: buf[:], out: make([]byte, 0, 512<<10)} // most pages fit
	if s.value(keep, maxDepth) && (s.next() != 0 || len(s.win) > 0) {
		s.out = append(append(s.out, ' '), s.win...) // more than one value
	}
	return s.out, s.err
}

// more fills the window if it is empty. It returns false at the end.
func (s *sieve) more() bool {
	for len(s.win) == 0 && !s.end && s.err == nil {
		n, err := s.r.Read(s.buf)
		s.win = s.buf[:n]
		s.seen += int64(n)
		if s.end = err == io.EOF; !s.end {
			s.err = err
		}
	}
	return len(s.win) > 0
}

// at returns the position of the window in the text.
func (s *sieve) at() int64 { return s.seen - int64(len(s.win)) }

// take moves past the next n bytes of the window and copies them.
func (s *sieve) take(n int) {
	if !s.drop {
		s.out = append(s.out, s.win[:n]...)
	}
	s.win = s.win[n:]
}

// next returns the first character of the next token, 0 at the end.
func (s *sieve) next() byte {
	for s.more() {
		switch c := s.win[0]; c {
		case ' ', '\t', '\r', '\n':
			s.take(1)
		default:
			return c
		}
	}
	return 0
}

// value moves past a value and keeps the parts that fields select, or
// everything if fields is nil. Like the methods below it returns false if the
// text is broken.
func (s *sieve) value(keep fields, depth int) bool {
	switch c := s.next(); {
	case depth == 0:
		return false
	case keep != nil && len(keep) == 0 && !s.drop:
		return s.brief(depth)
	case c == '{':
		return s.object(keep, depth)
	case c == '[':
		return s.array(keep, depth)
	case c == '"':
		return s.text()
	}
	return s.word()
}

// dropped moves past a value without copying it.
func (s *sieve) dropped(depth int) bool {
	s.drop = true
	defer func() { s.drop = false }()
	return s.value(nil, depth)
}

// brief copies an empty value, and writes a word in place of one that is not.
func (s *sieve) brief(depth int) bool {
	c := s.next()
	empty := map[byte]string{'{': "{}", '[': "[]", '"': `""`}[c]
	if empty == "" {
		return s.word()
	}
	from := s.at()
	if !s.dropped(depth) {
		return false
	}
	if s.at()-from > int64(len(empty)) {
		empty = `"+"`
	}
	s.out = append(s.out, empty...)
	return true
}

// object moves past an object and keeps the members that fields select.
func (s *sieve) object(of fields, depth int) bool {
	s.take(1)
	if s.next() == '}' {
		s.take(1)
		return true
	}
	for kept := false; ; {
		keep, ok := s.member(of, depth, kept)
		if !ok {
			return false
		}
		kept = kept || keep

		switch s.next() {
		case ',':
			s.win = s.win[1:] // member writes it if another one is kept
		case '}':
			s.take(1)
			return true
		default:
			return false
		}
	}
}

// member moves past a member of an object and reports whether it kept the member.
func (s *sieve) member(of fields, depth int, comma bool) (keep, ok bool) {
	start := len(s.out)
	if comma && !s.drop {
		s.out = append(s.out, ',')
	}
	if s.next() != '"' {
		return false, false
	}
	key := len(s.out)
	if !s.text() {
		return false, false
	}
	below, keep := fields(nil), true
	if of != nil && !s.drop {
		below, keep = of.get(s.out[key:])
	}

	if s.next() != ':' {
		return false, false
	}
	s.take(1)
	if keep {
		return true, s.value(below, depth-1)
	}
	ok = s.dropped(depth - 1)
	if ok {
		s.out = s.out[:start]
	}
	return false, ok
}

// array moves past a list; the fields apply to its items.
func (s *sieve) array(of fields, depth int) bool {
	s.take(1)
	if s.next() == ']' {
		s.take(1)
		return true
	}

	for {
		if !s.value(of, depth-1) {
			return false
		}
		switch s.next() {
		case ',':
			s.take(1)
		case ']':
			s.take(1)
			return true
		default:
			return false
		}
	}
}

// text moves past a string.
func (s *sieve) text() bool {
	s.take(1)
	odd := false // an odd number of backslashes precedes the window
	for s.more() {
		end := bytes.IndexByte(s.win, '"')
		found := end >= 0
		if !found {
			end = len(s.win)
		}

		slashes := 0
		for slashes < end && s.win[end-1-slashes] == '\\' {
			slashes++
		}
		escaped := slashes%2 == 1
		if slashes == end {
			escaped = escaped != odd
		}
		if !found {
			odd = escaped
			s.take(end)
			continue
		}

		s.take(end + 1)
		if !escaped {
			return true
		}
		odd = false
	}
	return false
}

// word moves past a number, true, false or null.
func (s *sieve) word() bool {
	n := 0
	for s.more() {
		i := bytes.IndexFunc(s.win, func(r rune) bool { return strings.ContainsRune(",:}] \t\r\n\"{[", r) })
		if i >= 0 {
			s.take(i)
			return n+i > 0
		}
		n += len(s.win)
		s.take(len(s.win))
	}
	return n > 0
}
