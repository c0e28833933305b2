package cloudflare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// originCertificates reads the client certificates that Cloudflare shows to the
// origins of a zone, the newest first, without those that are being deleted.
func originCertificates(ctx context.Context, c *client, zone string) ([]plan.OriginCertificate, error) {
	items, err := gather(ctx, c, plan.OriginCertificatesPath(zone), decodeOriginCertificates, func(o *originCertificate) string { return o.ID })
	if err != nil {
		return nil, err
	}
	items = slices.DeleteFunc(items, func(o originCertificate) bool { return going(o.Status) })
	sort.Slice(items, func(i, j int) bool {
		a, b := &items[i], &items[j]
		return cmp.Or(b.uploaded.Compare(a.uploaded), cmp.Compare(a.ID, b.ID)) < 0
	})

	out := make([]plan.OriginCertificate, len(items))
	for i, o := range items {
		out[i] = o.OriginCertificate
	}
	return out, nil
}

// originCertificate is a certificate with the time that it is sorted by.
type originCertificate struct {
	plan.OriginCertificate
	uploaded time.Time
}

func decodeOriginCertificates(result []byte) ([]originCertificate, error) {
	return decodeList(result, decodeOriginCertificate)
}

func decodeOriginCertificate(text []byte) (originCertificate, error) {
	var shown struct {
		ID          string `json:"id"`
		Status      string `json:"status"`
		Uploaded    string `json:"uploaded_on"`
		Certificate string `json:"certificate"`
	}
	switch err := unmarshal(text, &shown); {
	case err != nil:
		return originCertificate{}, err
	case !validID(shown.ID):
		return originCertificate{}, errors.New("a certificate without a usable id")
	}

	at, _ := time.Parse(time.RFC3339, shown.Uploaded) // an unreadable time counts as old
	return originCertificate{
		OriginCertificate: plan.OriginCertificate{ID: shown.ID, Status: shown.Status, SHA256: fingerprint(shown.Certificate)},
		uploaded:          at,
	}, nil
}

// fingerprint returns the SHA-256 of the first certificate in a PEM text, or
// "". The text itself cannot be compared, since the API normalises it.
func fingerprint(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return ""
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

// uploaded returns a certificate for origin pulls as the object of a change,
// with its state: nothing may rely on it before it is active.
func uploaded(o *plan.OriginCertificate) plan.Object {
	r := &plan.Resource{ID: o.ID, Fields: map[string]schema.Value{}}
	if o.SHA256 != "" {
		r.Fields[plan.FieldSHA256] = schema.StringValue(o.SHA256)
	}
	if o.Status == "active" {
		return plan.Object{Resource: r}
	}
	return plan.Object{Resource: r, Pending: o.Status}
}

// readUploaded searches by fingerprint for the certificate that a change
// uploads.
func (w *Writer) readUploaded(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	items, err := originCertificates(ctx, cl, c.ZoneID)
	if err != nil {
		return plan.Object{}, err
	}
	want, err := edited(c, plan.FieldSHA256)
	if err != nil {
		return plan.Object{}, err
	}
	i := slices.IndexFunc(items, func(o plan.OriginCertificate) bool { return o.SHA256 != "" && schema.StringValue(o.SHA256) == want })
	if i < 0 {
		return plan.Object{Absent: true}, nil
	}
	return uploaded(&items[i]), nil
}

// edited returns the new value of a field of a change. The object that the
// change is to create is found by it.
func edited(c *plan.Change, field string) (schema.Value, error) {
	i := slices.IndexFunc(c.Edits, func(e plan.Edit) bool { return e.Setting == field })
	if i < 0 || c.Edits[i].To == schema.Inherit || c.Edits[i].To == "" {
		return "", fmt.Errorf("%s: the change does not say which %s to look for", c.Ref, field)
	}
	return c.Edits[i].To, nil
}

// acceptUploaded reads the answer to an upload.
func acceptUploaded(result []byte) plan.Object {
	o, err := decodeOriginCertificate(result)
	if err != nil || o.SHA256 == "" {
		return plan.Object{}
	}
	return uploaded(&o.OriginCertificate)
}
