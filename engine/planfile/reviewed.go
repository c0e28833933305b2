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

// The forms in which a review is kept.
const (
	reviewOpen    = "<!-- tlsync:reviewed:v1 "
	reviewClose   = "-->"
	formChanges   = "changes"
	formGroups    = "groups"
	formWhole     = "whole"
	reviewColumns = 120
)

// ReviewedMarkdown is a hidden part of a comment that keeps what the plan above it
// showed, so that an apply can be held to it (ParseReviewed). Head is the commit
// that was planned, 40 hexadecimal digits. Nothing of it is foreign text. It takes
// at most about 20,000 bytes.
func ReviewedMarkdown(head string, r hold.Reviewed) string {
	form, n := formChanges, len(r.Changes)
	var data []byte
	switch {
	case r.Whole != "":
		form, n = formWhole, 1
		data, _ = hex.DecodeString(r.Whole) // it is our own
	case r.Groups != nil:
		form, n = formGroups, len(r.Groups)
		for _, g := range slices.Sorted(maps.Keys(r.Groups)) {
			data = binary.BigEndian.AppendUint32(appendPrint(data, g), uint32(r.Groups[g])) // counts of changes are small
		}
	default:
		for _, f := range r.Changes {
			data = appendPrint(data, f)
		}
	}
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

func appendPrint(data []byte, fingerprint string) []byte {
	sum, _ := hex.DecodeString(fingerprint) // it is our own
	return append(data, sum...)
}

// errNoReview says that a comment keeps nothing.
var errNoReview = errors.New("there is no reviewed plan in it: it does not end in what tlsync keeps of one")

// ParseReviewed reads what ReviewedMarkdown wrote at the end of a comment, and the
// commit that was planned.
func ParseReviewed(comment string) (head string, r hold.Reviewed, err error) {
	comment = "\n" + strings.ReplaceAll(comment, "\r\n", "\n")
	at := strings.LastIndex(comment, "\n"+reviewOpen)
	if at < 0 {
		return "", r, errNoReview
	}
	text, ok := strings.CutSuffix(strings.TrimRight(comment[at+1+len(reviewOpen):], "\n "), reviewClose)
	first, lines, _ := strings.Cut(text, "\n")
	var form string
	var count int
	if _, scanErr := fmt.Sscanf(first, "head=%40s form=%7s count=%d", &head, &form, &count); scanErr != nil || !ok || !isCommit(head) || count < 0 ||
		first != fmt.Sprintf("head=%s form=%s count=%d", head, form, count) {
		return "", r, errNoReview
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(lines, "\n", ""))
	if err != nil {
		return "", r, fmt.Errorf("the reviewed plan in it is damaged: %w", err)
	}
	size := map[string]int{formChanges: 8, formGroups: 12, formWhole: 32}[form]
	if size == 0 || len(data) != size*count || form == formWhole && count != 1 {
		return "", r, errors.New("the reviewed plan in it is damaged: it is not as long as it says")
	}
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
	return head, r, nil
}

func isCommit(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 40
}
