package cloudflare

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"
)

// fields say what of an object is read: under each key nil where the value is
// taken as it is, else what of it is read: fields, or brief.
type fields map[string]fields

// brief is in the place of the fields of a value of which only matters whether it
// is empty. It may be a whole certificate.
var brief = fields{}

// customHostnameFields is what of a page of custom hostnames is read. The decoder passes
// over every other key, and what it knows has to stand here too.
var customHostnameFields = fields{
	"success": nil, "errors": nil, "messages": nil, "result_info": nil,
	"result": {
		"id": nil, "hostname": nil, "status": nil, "custom_origin_server": nil, "custom_origin_sni": nil, "custom_metadata": nil,
		"ssl": {
			"status": nil, "type": nil, "method": nil, "bundle_method": nil, "certificate_authority": nil, "wildcard": nil, "settings": nil,
			"custom_certificate": brief, "custom_key": brief, "custom_csr_id": brief, "custom_cert_bundle": brief,
			"certificates": {"signature": nil},
		},
	},
}

// get is what is read under a key as it stands in the text.
func (f fields) get(key []byte) (below fields, read bool) {
	if bytes.IndexByte(key, '\\') >= 0 {
		var k string
		if json.Unmarshal(key, &k) == nil {
			below, read = f[k]
			return below, read
		}
	}
	below, read = f[string(key[1:len(key)-1])]
	return below, read
}

// sieve copies JSON text and leaves out what nobody reads, as it comes in. A custom
// hostname carries certificates and validation records of any size; with the sieve
// ahead of everything else that looks at a page they are never in memory.
//
// What it copies it copies as it stands, for others to check. Of what it leaves out
// it checks the structure, and so finds the end of it.
type sieve struct {
	r    io.Reader
	buf  []byte
	win  []byte // the part of buf that was not looked at yet
	seen int64  // bytes of the text up to the end of win
	end  bool   // the text ends behind win
	out  []byte
	drop bool // what is passed over is not copied
	err  error
}

// maxDepth is how deep a text may be nested. Cloudflare's answers have ten levels.
const maxDepth = 200

var sieveBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// sift is the text of r without what is not among the fields. A text that is not
// JSON ends where that shows, and is not JSON then either. The error is of r.
func sift(r io.Reader, of fields) ([]byte, error) {
	buf := sieveBuffers.Get().(*[64 << 10]byte)
	defer sieveBuffers.Put(buf)
	s := sieve{r: r, buf: buf[:], out: make([]byte, 0, 512<<10)} // most pages fit
	if s.value(of, maxDepth) && (s.next() != 0 || len(s.win) > 0) {
		s.out = append(append(s.out, ' '), s.win...) // more than one value
	}
	return s.out, s.err
}

// more makes sure that the window is not empty. It is false at the end.
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

// at is where in the text the window begins.
func (s *sieve) at() int64 { return s.seen - int64(len(s.win)) }

// take passes over the next bytes of the window.
func (s *sieve) take(n int) {
	if !s.drop {
		s.out = append(s.out, s.win[:n]...)
	}
	s.win = s.win[n:]
}

// next is the first character of the next token, 0 at the end.
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

// value passes over a value, of which only some fields are read unless of is nil.
// Like everything below it is false where the text is broken.
func (s *sieve) value(of fields, depth int) bool {
	switch c := s.next(); {
	case depth == 0:
		return false
	case of != nil && len(of) == 0 && !s.drop:
		return s.brief(depth)
	case c == '{':
		return s.object(of, depth)
	case c == '[':
		return s.array(of, depth)
	case c == '"':
		return s.text()
	}
	return s.word()
}

// dropped passes over a value and does not copy it.
func (s *sieve) dropped(depth int) bool {
	s.drop = true
	defer func() { s.drop = false }()
	return s.value(nil, depth)
}

// brief copies a value if it is empty, and a word in its place if it is not.
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

func (s *sieve) object(of fields, depth int) bool {
	s.take(1)
	for first, kept := true, false; ; first = false {
		if first && s.next() == '}' {
			s.take(1)
			return true
		}
		mark := len(s.out)
		if kept && !s.drop {
			s.out = append(s.out, ',')
		}
		if s.next() != '"' {
			return false
		}
		key := len(s.out)
		if !s.text() {
			return false
		}
		below, read := fields(nil), true
		if of != nil && !s.drop {
			below, read = of.get(s.out[key:])
		}
		if s.next() != ':' {
			return false
		}
		s.take(1)
		if read {
			kept = true
			if !s.value(below, depth-1) {
				return false
			}
		} else {
			if !s.dropped(depth - 1) {
				return false
			}
			s.out = s.out[:mark]
		}
		switch s.next() {
		case ',':
			s.win = s.win[1:]
		case '}':
			s.take(1)
			return true
		default:
			return false
		}
	}
}

// array passes over a list; the fields are those of its items.
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

// text passes over a string.
func (s *sieve) text() bool {
	s.take(1)
	odd := false // an odd number of backslashes stands before the window
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

// word passes over a number, true, false or null.
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
