package planfile

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tlsync/engine/hold"
)

// The form of a review in a comment.
const (
	reviewOpen    = "<!-- tlsync:reviewed:v2 "
	earlierOpen   = "<!-- tlsync:reviewed:v1 "
	reviewClose   = "-->"
	formItems     = "items"
	formGroups    = "groups"
	formWhole     = "whole"
	formChanges   = "changes" // of v1
	reviewColumns = 120
	none          = "none"
)

// Review is what the plan in a comment showed, and of which commit.
type Review struct {
	Head string // the commit that was planned, 40 hexadecimal digits
	Base string // the commit that it was compared with; empty for none
	// Since is when the comment first showed this, to the second. The zero time means the
	// time of the comment itself.
	Since time.Time
	hold.Reviewed
}

// ReviewedMarkdown returns a hidden part of a comment that keeps what the plan above it
// shows, so that an apply can be held to it. ParseReviewed reads it. The part holds no
// foreign text, and takes at most about 20,000 bytes.
func ReviewedMarkdown(r Review) string {
	form, n, data := encodeReview(r.Reviewed)
	text := base64.RawStdEncoding.EncodeToString(data)

	var b strings.Builder
	b.WriteString(reviewOpen + firstLine(r, form, n) + "\n")
	for len(text) > reviewColumns {
		b.WriteString(text[:reviewColumns] + "\n")
		text = text[reviewColumns:]
	}
	if text != "" {
		b.WriteString(text + "\n")
	}
	return b.String() + reviewClose
}

func firstLine(r Review, form string, n int) string {
	base, since := r.Base, none
	if base == "" {
		base = none
	}
	if !r.Since.IsZero() {
		since = r.Since.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("head=%s base=%s since=%s form=%s count=%d", r.Head, base, since, form, n)
}

// encodeReview returns a review as bytes of n items.
func encodeReview(r hold.Reviewed) (form string, n int, data []byte) {
	switch {
	case r.Whole != "":
		data, _ = hex.DecodeString(r.Whole) // we made it
		return formWhole, 1, data

	case r.Groups != nil:
		for _, g := range slices.Sorted(maps.Keys(r.Groups)) {
			data = binary.BigEndian.AppendUint32(appendFingerprint(data, g), uint32(r.Groups[g])) // counts of changes are small
		}
		return formGroups, len(r.Groups), data

	case r.Changes != nil:
		for _, f := range r.Changes {
			data = appendFingerprint(data, f)
		}
		return formChanges, len(r.Changes), data
	}

	for _, f := range r.Items {
		data = appendFingerprint(data, f)
	}
	return formItems, len(r.Items), data
}

func appendFingerprint(data []byte, fingerprint string) []byte {
	sum, _ := hex.DecodeString(fingerprint) // we made it
	return append(data, sum...)
}

// errNoReview says that a comment does not keep a review.
var errNoReview = errors.New("it holds no reviewed plan: it does not end as a plan comment of tlsync does")

// ParseReviewed reads the end of a comment, which ReviewedMarkdown wrote.
func ParseReviewed(comment string) (Review, error) {
	_, r, err := CutReviewed(comment)
	return r, err
}

// CutReviewed is ParseReviewed for a comment that gets another text: it also returns what
// stands before the review.
func CutReviewed(comment string) (before string, r Review, err error) {
	p, err := cutReview("\n" + strings.ReplaceAll(comment, "\r\n", "\n"))
	if err != nil {
		return "", r, err
	}

	data, err := base64.RawStdEncoding.DecodeString(p.text)
	if err != nil {
		return "", r, fmt.Errorf("the reviewed plan in it is damaged: %w", err)
	}
	size := map[string]int{formItems: 8, formChanges: 8, formGroups: 12, formWhole: 32}[p.form]
	if size == 0 || len(data) != size*p.count || p.form == formWhole && p.count != 1 {
		return "", r, errors.New("the reviewed plan in it is damaged: its length does not match its count")
	}
	p.review.Reviewed = decodeReview(p.form, size, data)
	return strings.TrimPrefix(p.before, "\n"), p.review, nil
}

// part is the review at the end of a comment, not decoded yet.
type part struct {
	before string // the comment without it
	review Review
	form   string
	count  int
	text   string
}

// cutReview finds the review at the end of a comment, which begins with a line break.
func cutReview(comment string) (p part, err error) {
	before, first, text, ok := cutPart(comment, reviewOpen)
	if !ok {
		return cutEarlier(comment)
	}

	p = part{before: before, text: text}
	r := &p.review
	var base, since string
	_, err = fmt.Sscanf(first, "head=%40s base=%40s since=%20s form=%7s count=%d", &r.Head, &base, &since, &p.form, &p.count)
	if err == nil && base != none {
		r.Base = base
	}
	if err == nil && since != none {
		r.Since, err = time.Parse(time.RFC3339, since)
	}
	wrong := !isCommit(r.Head) || r.Base != "" && !isCommit(r.Base) || p.count < 0
	if err != nil || wrong || first != firstLine(*r, p.form, p.count) {
		return part{}, errNoReview
	}
	return p, nil
}

// cutEarlier finds a review that an earlier release wrote, of whole changes.
func cutEarlier(comment string) (p part, err error) {
	before, first, text, ok := cutPart(comment, earlierOpen)
	if !ok {
		return part{}, errNoReview
	}

	p = part{before: before, text: text}
	_, err = fmt.Sscanf(first, "head=%40s form=%7s count=%d", &p.review.Head, &p.form, &p.count)
	switch {
	case err != nil || !isCommit(p.review.Head) || p.count < 0 || first != fmt.Sprintf("head=%s form=%s count=%d", p.review.Head, p.form, p.count):
		return part{}, errNoReview
	case p.form == formGroups || p.form == formWhole:
		return part{}, errors.New("its reviewed plan was written by an earlier release: plan again")
	}
	return p, nil
}

// cutPart cuts a comment at the line that opens a review, which has to reach to the end.
func cutPart(comment, open string) (before, first, text string, ok bool) {
	at := strings.LastIndex(comment, "\n"+open)
	if at < 0 {
		return "", "", "", false
	}
	inside, closed := strings.CutSuffix(strings.TrimRight(comment[at+1+len(open):], "\n "), reviewClose)
	first, lines, _ := strings.Cut(inside, "\n")
	return comment[:at], first, strings.ReplaceAll(lines, "\n", ""), closed
}

// decodeReview undoes encodeReview; size is that of an item.
func decodeReview(form string, size int, data []byte) hold.Reviewed {
	var r hold.Reviewed
	if form == formGroups {
		r.Groups = map[string]int{}
	}
	for ; len(data) > 0; data = data[size:] {
		item := hex.EncodeToString(data[:min(size, 8)])
		switch form {
		case formGroups:
			r.Groups[item] = int(binary.BigEndian.Uint32(data[8:]))
		case formWhole:
			r.Whole = hex.EncodeToString(data[:size])
		case formChanges:
			r.Changes = append(r.Changes, item)
		default:
			r.Items = append(r.Items, item)
		}
	}
	return r
}

func isCommit(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 40
}
