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

	"tlsync/engine/hold"
)

// The form of a review in a comment.
const (
	reviewOpen    = "<!-- tlsync:reviewed:v1 "
	reviewClose   = "-->"
	formChanges   = "changes"
	formGroups    = "groups"
	formWhole     = "whole"
	reviewColumns = 120
)

// ReviewedMarkdown returns a hidden part of a comment that keeps which changes the plan
// above it shows, so that an apply can be held to them. ParseReviewed reads it. Head is the
// commit that was planned, 40 hexadecimal digits. The part holds no foreign text, and takes
// at most about 20,000 bytes.
func ReviewedMarkdown(head string, r hold.Reviewed) string {
	form, n, data := encodeReview(r)
	text := base64.RawStdEncoding.EncodeToString(data)

	var b strings.Builder
	fmt.Fprintf(&b, "%shead=%s form=%s count=%d\n", reviewOpen, head, form, n)
	for len(text) > reviewColumns {
		b.WriteString(text[:reviewColumns] + "\n")
		text = text[reviewColumns:]
	}
	if text != "" {
		b.WriteString(text + "\n")
	}
	return b.String() + reviewClose
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
	}

	for _, f := range r.Changes {
		data = appendFingerprint(data, f)
	}
	return formChanges, len(r.Changes), data
}

func appendFingerprint(data []byte, fingerprint string) []byte {
	sum, _ := hex.DecodeString(fingerprint) // we made it
	return append(data, sum...)
}

// errNoReview says that a comment does not keep a review.
var errNoReview = errors.New("there is no reviewed plan in it: it does not end in what tlsync keeps of one")

// ParseReviewed reads the end of a comment, which ReviewedMarkdown wrote, and returns the
// commit that was planned.
func ParseReviewed(comment string) (head string, r hold.Reviewed, err error) {
	head, form, count, text, err := cutReview(comment)
	if err != nil {
		return "", r, err
	}

	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", r, fmt.Errorf("the reviewed plan in it is damaged: %w", err)
	}
	size := map[string]int{formChanges: 8, formGroups: 12, formWhole: 32}[form]
	if size == 0 || len(data) != size*count || form == formWhole && count != 1 {
		return "", r, errors.New("the reviewed plan in it is damaged: it is not as long as it says")
	}
	return head, decodeReview(form, size, data), nil
}

// cutReview finds the review at the end of a comment.
func cutReview(comment string) (head, form string, count int, text string, err error) {
	comment = "\n" + strings.ReplaceAll(comment, "\r\n", "\n")
	at := strings.LastIndex(comment, "\n"+reviewOpen)
	if at < 0 {
		return "", "", 0, "", errNoReview
	}
	inside, closed := strings.CutSuffix(strings.TrimRight(comment[at+1+len(reviewOpen):], "\n "), reviewClose)
	first, lines, _ := strings.Cut(inside, "\n")

	const format = "head=%s form=%s count=%d"
	_, err = fmt.Sscanf(first, "head=%40s form=%7s count=%d", &head, &form, &count)
	if err != nil || !closed || !isCommit(head) || count < 0 || first != fmt.Sprintf(format, head, form, count) {
		return "", "", 0, "", errNoReview
	}
	return head, form, count, strings.ReplaceAll(lines, "\n", ""), nil
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
		default:
			r.Changes = append(r.Changes, item)
		}
	}
	return r
}

func isCommit(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 40
}
