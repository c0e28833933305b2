package render

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"time"

	"tlsync/engine/probe/compare"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// FormatVersion is the version of the JSON form of a Report.
const FormatVersion = "1"

type jsonReport struct {
	FormatVersion string       `json:"format_version"`
	Names         []jsonResult `json:"names"`
	Tally         jsonTally    `json:"tally"`
}

type jsonTally struct {
	Names       int `json:"names"`
	Weaker      int `json:"weaker"`
	Stricter    int `json:"stricter"`
	Unreachable int `json:"unreachable"`
	NotTested   int `json:"not_tested"`
	AsDesired   int `json:"as_desired"`
}

type jsonResult struct {
	Name     string          `json:"name"`
	Network  string          `json:"network"`
	Verdict  compare.Verdict `json:"verdict"`
	Settings []jsonRow       `json:"settings"`
	Facts    *jsonFacts      `json:"facts"`
	Hellos   []jsonHello     `json:"hellos"`
}

// jsonRow has null for a desired value that is not known.
type jsonRow struct {
	Setting  string          `json:"setting"`
	Desired  schema.Value    `json:"desired"`
	AtLeast  bool            `json:"at_least,omitempty"`
	Verdict  compare.Verdict `json:"verdict"`
	Evidence []string        `json:"evidence"`
}

type jsonFacts struct {
	Version  string    `json:"version"`
	Suite    string    `json:"suite"`
	Exchange string    `json:"key_exchange"`
	Protocol string    `json:"alpn"`
	Issuer   string    `json:"certificate_issuer"`
	Expires  time.Time `json:"certificate_expires"`
}

type jsonHello struct {
	Version  string          `json:"version"`
	Offered  []string        `json:"offered"`
	Outcome  compare.Outcome `json:"outcome"`
	Suite    string          `json:"suite,omitempty"`
	Status   int             `json:"http_status,omitempty"`
	Asks     bool            `json:"asks_for_certificate"`
	Why      string          `json:"why,omitempty"`
	Attempts int             `json:"attempts"`
}

// JSON prints a report for programs.
func JSON(w io.Writer, r *Report) error {
	out := jsonReport{FormatVersion: FormatVersion, Names: []jsonResult{}, Tally: jsonTally{
		len(r.Results), r.Count(compare.Weaker), r.Count(compare.Stricter), r.Count(compare.NoAnswer),
		r.Count(compare.NotTested), r.Count(compare.AsDesired),
	}}
	for i := range r.Results {
		out.Names = append(out.Names, jsonOf(&r.Results[i]))
	}

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(safe.JSON(b.Bytes()))
	return err
}

func jsonOf(r *Result) jsonResult {
	out := jsonResult{Name: r.Name, Network: r.Network, Verdict: r.Verdict(), Settings: []jsonRow{}, Hellos: []jsonHello{}}
	for _, row := range r.Rows {
		out.Settings = append(out.Settings, jsonRow{row.Setting, row.Want.Value, row.Want.AtLeast, row.Verdict, row.Evidence})
	}
	if f := r.Answers.Facts; f != nil {
		out.Facts = &jsonFacts{f.Version.String(), f.Suite, f.Exchange, f.Protocol, f.Issuer, f.Expires.UTC()}
	}
	for _, x := range r.Answers.Hellos {
		suites := x.Offered
		if suites == nil {
			suites = []string{}
		}
		out.Hellos = append(out.Hellos, jsonHello{x.Version.String(), suites, x.Outcome, x.Suite, x.Status, x.AsksForCertificate, x.Why, x.Attempts})
	}
	return out
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
}

// JUnit prints a report as a suite of tests, one for each setting of each name. Only what is
// weaker has failed, as the exit code says too; what could not be tested was skipped.
func JUnit(w io.Writer, r *Report) error {
	suite := junitSuite{Name: "tlsync probe"}
	for i := range r.Results {
		for _, row := range r.Results[i].Rows {
			c := junitCase{Class: safe.Text(r.Results[i].title()), Name: row.Setting}
			message := &junitMessage{Type: string(row.Verdict), Message: safe.Text(row.Sentence())}
			switch row.Verdict {
			case compare.Weaker:
				c.Failure = message
				suite.Failures++
			case compare.NoAnswer, compare.NotTested:
				message.Type, message.Message = "", string(row.Verdict)+": "+message.Message
				c.Skipped = message
				suite.Skipped++
			default:
				c.Out = string(row.Verdict) + ": " + message.Message
			}
			suite.Cases = append(suite.Cases, c)
		}
	}
	suite.Tests = len(suite.Cases)

	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), append(text, '\n')...))
	return err
}
