package plan

// Grant is what a write takes to be allowed: a permission that one credential has or
// lacks for one kind of write in one zone or account. A refusal of the credentials says
// nothing about another Grant.
type Grant struct {
	Credential string // for people, such as "the credentials of account Example Inc"
	Write      string // the kind of write for people, such as "custom hostnames"
	Place      string // for people, such as "zone saas.example"
	PlaceID    string // Cloudflare's id of the zone or account
	// Queue, if set, is what such writes wait in: of all with the same, one is made at a
	// time.
	Queue string
}

// Title says what is written, and where.
func (g Grant) Title() string {
	if g.Write == "" {
		return "objects"
	}
	return g.Write + " of " + g.Place
}
