package standard

// The tables of this file are read only. The verdicts of NIST, BSI, ANSSI and Mozilla on
// suites are those of the data set stfbk/tls-compliance-dataset (CC BY 4.0, commit 998299b,
// 2025-05-06), encoded anew; sections and editions are those of the documents.

// dataset is named where nothing but the data set was read.
const dataset = "by stfbk/tls-compliance-dataset 998299b"

// Short names for the columns below.
const (
	ok   = Recommended
	opt  = Allowed
	adv  = AdvisedAgainst
	no   = Forbidden
	none = NotListed
)

var standards = []Standard{
	{
		Name: "pci-dss", Title: "PCI DSS", Edition: "4.0.1 (2024-06)",
		versionSource: "requirement 4.2.1; TLS 1.0 and 1.1 ruled out since 2018-06-30",
		suiteSource:   "requirement 4.2.1 names no suites; Cloudflare's list for PCI DSS (2026-04-17)",
		versions:      [4]Verdict{no, no, ok, ok},
	},
	{
		Name: "nist", Title: "NIST SP 800-52", Edition: "r2 (2019-08)",
		versionSource: "section 3.1", suiteSource: "section 3.3.1",
		versions: [4]Verdict{no, no, ok, ok}, required: [4]bool{2: true, 3: true},
	},
	{
		Name: "mozilla-intermediate", Title: "Mozilla intermediate", Edition: "6.0 (2026-04-06)",
		versionSource: "guidelines, intermediate", suiteSource: "guidelines, intermediate",
		versions: [4]Verdict{no, no, ok, ok},
	},
	{
		Name: "mozilla-modern", Title: "Mozilla modern", Edition: "6.0 (2026-04-06)",
		versionSource: "guidelines, modern", suiteSource: "guidelines, modern",
		versions: [4]Verdict{no, no, no, ok}, required: [4]bool{3: true},
	},
	{
		Name: "bsi", Title: "BSI TR-02102-2", Edition: "2026-01",
		versionSource: "TLS 1.2 until the end of 2031, as secondary sources report the edition", suiteSource: "section 3.3.1, table 1, " + dataset,
		versions: [4]Verdict{no, no, ok, ok}, until: [4]string{2: "2032-01-01"},
	},
	{
		Name: "anssi", Title: "ANSSI TLS recommendations", Edition: "as of 2025-05-06",
		versionSource: dataset, suiteSource: dataset,
		versions: [4]Verdict{no, no, opt, ok},
	},
	{
		Name: "rfc-9325", Title: "RFC 9325 and RFC 10015", Edition: "2022-11 and 2026-07",
		versionSource: "RFC 9325 section 3.1.1, RFC 8996", suiteSource: "RFC 9325 section 4.2, RFC 10015",
		versions: [4]Verdict{no, no, ok, ok}, required: [4]bool{2: true}, preferred: [4]bool{3: true},
	},
}

// suiteRow has the verdicts on one suite, in the order of standards.
type suiteRow struct {
	name, id string
	verdicts [7]Verdict
}

var suites = []suiteRow{
	// PCI DSS, NIST, Mozilla intermediate and modern, BSI, ANSSI, RFC
	{"ECDHE-ECDSA-AES128-GCM-SHA256", "c02b", [7]Verdict{ok, ok, ok, none, ok, ok, ok}},
	{"ECDHE-RSA-AES128-GCM-SHA256", "c02f", [7]Verdict{ok, ok, ok, none, ok, ok, ok}},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", "c02c", [7]Verdict{ok, ok, ok, none, ok, ok, ok}},
	{"ECDHE-RSA-AES256-GCM-SHA384", "c030", [7]Verdict{ok, ok, ok, none, ok, ok, ok}},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", "cca9", [7]Verdict{ok, no, ok, none, none, ok, opt}},
	{"ECDHE-RSA-CHACHA20-POLY1305", "cca8", [7]Verdict{ok, no, ok, none, none, ok, opt}},
	{"ECDHE-ECDSA-AES128-SHA256", "c023", [7]Verdict{none, opt, none, none, ok, no, opt}},
	{"ECDHE-RSA-AES128-SHA256", "c027", [7]Verdict{none, opt, none, none, ok, no, opt}},
	{"ECDHE-ECDSA-AES256-SHA384", "c024", [7]Verdict{none, opt, none, none, ok, no, opt}},
	{"ECDHE-RSA-AES256-SHA384", "c028", [7]Verdict{none, opt, none, none, ok, no, opt}},
	{"ECDHE-ECDSA-AES128-SHA", "c009", [7]Verdict{none, opt, none, none, none, no, opt}},
	{"ECDHE-RSA-AES128-SHA", "c013", [7]Verdict{none, opt, none, none, none, no, opt}},
	{"ECDHE-RSA-AES256-SHA", "c014", [7]Verdict{none, opt, none, none, none, no, opt}},
	{"AES128-GCM-SHA256", "009c", [7]Verdict{none, adv, none, none, none, none, no}},
	{"AES256-GCM-SHA384", "009d", [7]Verdict{none, adv, none, none, none, none, no}},
	{"AES128-SHA256", "003c", [7]Verdict{none, adv, none, none, none, none, no}},
	{"AES256-SHA256", "003d", [7]Verdict{none, adv, none, none, none, none, no}},
	{"AES128-SHA", "002f", [7]Verdict{none, adv, none, none, none, none, no}},
	{"AES256-SHA", "0035", [7]Verdict{none, adv, none, none, none, none, no}},
	{"DES-CBC3-SHA", "000a", [7]Verdict{none, adv, none, none, none, no, no}},
	{"TLS_AES_128_GCM_SHA256", "1301", [7]Verdict{opt, ok, ok, ok, ok, ok, ok}},
	{"TLS_AES_256_GCM_SHA384", "1302", [7]Verdict{opt, ok, ok, ok, ok, ok, ok}},
	{"TLS_CHACHA20_POLY1305_SHA256", "1303", [7]Verdict{opt, no, ok, ok, none, ok, ok}},
}
