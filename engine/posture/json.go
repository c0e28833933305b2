package posture

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/standard"
	"tlsync/schema"
)

type jsonStandard struct {
	Name       string    `json:"name"`
	Title      string    `json:"title"`
	Edition    string    `json:"edition"`
	Meets      int       `json:"meets"`
	FallsShort int       `json:"falls_short"`
	Unknown    int       `json:"unknown"`
	Statements []jsonRow `json:"statements"`
}

type jsonRow struct {
	Subject string           `json:"subject"`
	ID      string           `json:"id,omitempty"`
	Verdict standard.Verdict `json:"verdict"`
	Source  string           `json:"source"`
	Edition string           `json:"edition"`
}

type jsonGroup struct {
	Kind        plan.Kind        `json:"kind"`
	Zone        string           `json:"zone"`
	Account     string           `json:"account,omitempty"`
	State       string           `json:"state"`
	Below       string           `json:"below,omitempty"`
	Children    bool             `json:"wildcard_children"`
	Settings    []jsonSetting    `json:"settings"`
	Versions    []string         `json:"versions"`
	Suites      []string         `json:"cipher_suites"`
	NotKnown    []string         `json:"not_known"`
	Assessments []jsonAssessment `json:"standards"`
	Remarks     []jsonRemark     `json:"remarks"`
	Count       int              `json:"count"` // of names with this posture
}

// jsonSetting has null for a value that is inherited, and for one that is not known.
type jsonSetting struct {
	Setting   string          `json:"setting"`
	Effective schema.Value    `json:"effective"`
	Source    string          `json:"source"`
	Own       schema.Value    `json:"own"`
	Managed   bool            `json:"managed"`
	Asked     schema.Value    `json:"asked_effective"`
	AskedBy   string          `json:"asked_by,omitempty"`
	Floor     *jsonFloor      `json:"floor,omitempty"`
	Excepted  []jsonException `json:"exceptions,omitempty"`
}

type jsonFloor struct {
	Value  schema.Value `json:"value"`
	Met    bool         `json:"met"`
	Origin plan.Origin  `json:"origin"`
}

type jsonException struct {
	Value  schema.Value `json:"value"`
	Until  string       `json:"until"`
	Reason string       `json:"reason"`
	Origin plan.Origin  `json:"origin"`
}

type jsonAssessment struct {
	Standard string          `json:"standard"`
	Result   standard.Result `json:"result"`
	Reasons  []jsonReason    `json:"reasons"`
	Remarks  []string        `json:"remarks"`
}

type jsonReason struct {
	Setting string   `json:"setting"`
	Message string   `json:"message"`
	Suites  []string `json:"cipher_suites,omitempty"`
}

type jsonRemark struct {
	Severity schema.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Message  string          `json:"message"`
	Origin   plan.Origin     `json:"origin"`
}

// jsonName refers to its posture by the position in the list.
type jsonName struct {
	Posture     int                    `json:"posture"`
	Name        string                 `json:"name"`
	Certificate jsonCertificate        `json:"certificate"`
	Coverage    string                 `json:"coverage,omitempty"`
	Origins     map[string]plan.Origin `json:"origins,omitempty"` // encoded in the order of the keys
}

type jsonCertificate struct {
	Status  string `json:"status"`
	Expires string `json:"expires"`
}

// JSON prints a report for programs.
func JSON(w io.Writer, r *Report) error {
	e := safe.NewEncoder(bufio.NewWriterSize(w, 64<<10))
	e.Raw("{\n")
	e.Member("format_version", FormatVersion, ",\n")
	e.Member("tool", r.Tool, ",\n")
	e.Member("config", r.Config, ",\n")
	e.Member("generated_at", r.At, ",\n")
	e.Member("read_at", r.ReadAt, ",\n")
	e.Member("snapshot", r.Snapshot, ",\n")
	r.body(e)
	e.Member("digest", r.Digest, "\n}\n")
	return e.Flush()
}

// body writes all that the digest covers.
func (r *Report) body(e *safe.Encoder) {
	e.List("standards", len(r.Standards), func(i int) any { return jsonStandardOf(&r.Standards[i]) })
	e.List("postures", len(r.Groups), func(i int) any { return r.Groups[i].json() })
	r.names(e)
	e.List("mtls", len(r.MTLS), func(i int) any { return r.MTLS[i] })
	e.List("mtls_not_read", len(r.Unread), func(i int) any { return r.Unread[i] })
	e.List("not_found", len(r.Missing), func(i int) any { return r.Missing[i].Name })
	e.List("problems", len(r.Problems), func(i int) any {
		p := &r.Problems[i]
		return jsonRemark{p.Severity, p.Rule, p.Message, p.Origin}
	})
}

// names writes the names one by one: there may be tens of thousands of one posture.
func (r *Report) names(e *safe.Encoder) {
	posture, at := 0, 0
	e.List("names", r.Count(), func(int) any {
		for at == len(r.Groups[posture].Names) {
			posture, at = posture+1, 0
		}
		at++
		return r.Groups[posture].Names[at-1].json(posture)
	})
}

// digest returns a digest of what a report says. It does not depend on when and by which
// release the report was made, so that two reports of the same posture have the same.
func (r *Report) digest() string {
	sum := sha256.New()
	e := safe.NewEncoder(bufio.NewWriterSize(sum, 64<<10))
	r.body(e)
	_ = e.Flush() // a hash takes everything
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

func jsonStandardOf(t *Tally) jsonStandard {
	out := jsonStandard{Name: t.Name, Title: t.Title, Edition: t.Edition, Meets: t.Meets, FallsShort: t.FallsShort, Unknown: t.Unknown}
	for _, row := range t.Rows() {
		out.Statements = append(out.Statements, jsonRow{row.Subject, row.ID, row.Verdict, row.Source, row.Edition})
	}
	return out
}

func (g *Group) json() jsonGroup {
	out := jsonGroup{
		Kind: g.Kind, Zone: g.Zone.Zone, Account: g.Zone.Account, State: g.State, Below: g.Below, Children: g.Children,
		Versions: g.versions(), Suites: list(g.Offer.Suites), NotKnown: list(g.Offer.Unknown),
		Settings: []jsonSetting{}, Assessments: []jsonAssessment{}, Remarks: []jsonRemark{}, Count: len(g.Names),
	}
	for i := range g.Rows {
		out.Settings = append(out.Settings, jsonSettingOf(&g.Rows[i]))
	}
	for _, a := range g.Assessments {
		out.Assessments = append(out.Assessments, jsonAssessmentOf(&a))
	}
	for _, m := range g.Remarks {
		out.Remarks = append(out.Remarks, jsonRemark{m.Severity, m.Rule, g.said(m.Message), m.Origin})
	}
	return out
}

// json returns the form of a name.
func (n *Name) json(posture int) jsonName {
	out := jsonName{Posture: posture, Name: n.Name, Certificate: jsonCertificate{n.Certificate, n.Expires}, Coverage: n.Coverage}
	for _, a := range n.asked {
		if out.Origins == nil {
			out.Origins = make(map[string]plan.Origin, len(n.asked))
		}
		out.Origins[a.Setting] = plan.Origin{Pos: a.Pos, Via: a.Via}
	}
	return out
}

func jsonSettingOf(r *explain.Row) jsonSetting {
	out := jsonSetting{
		Setting: r.Setting, Effective: r.Effective, Source: source(r), Own: r.Own,
		Managed: r.Asked != "", Asked: r.AskedEffective, AskedBy: askedBy(r),
	}
	if f := r.Floor; f != nil {
		out.Floor = &jsonFloor{f.Value, f.Met, f.Origin}
	}
	for _, x := range r.Exceptions {
		out.Excepted = append(out.Excepted, jsonException(x))
	}
	return out
}

func jsonAssessmentOf(a *standard.Assessment) jsonAssessment {
	out := jsonAssessment{Standard: a.Standard, Result: a.Result, Reasons: []jsonReason{}, Remarks: list(a.Remarks)}
	for _, r := range a.Reasons {
		out.Reasons = append(out.Reasons, jsonReason{r.Setting, r.Text, r.Suites})
	}
	return out
}

// list returns a list that is [] in JSON where there is none.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// versions returns the names of the versions that are offered.
func (g *Group) versions() []string {
	out := []string{}
	for v, name := range standard.Versions() {
		if g.Offer.Admitted[v] {
			out = append(out, name)
		}
	}
	return out
}

// Sources of effective values.
const (
	fromZone = "zone"
	fromName = "own"
)

// source says where an effective value comes from: the zone of a name, or the object itself.
func source(r *explain.Row) string {
	switch {
	case r.Effective == "":
		return Unknown
	case r.Zone != nil && r.Own == schema.Inherit:
		return fromZone
	}
	return fromName
}

// askedBy names the part of the configuration that decides.
func askedBy(r *explain.Row) string {
	if len(r.Layers) == 0 {
		return ""
	}
	return r.Layers[0].Part
}
