// The program demo-import writes the seed of a sandbox with a fleet that was made by hand:
// 12 zones with 18,000 custom hostnames. People set all five settings by a few rules of
// thumb, and one name in a hundred has something else for no reason that shows.
package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

const (
	zones     = 12
	hostnames = 18_000
	noise     = hostnames / 100
)

var (
	brands   = []string{"shops", "carts", "tills", "stores", "kiosks", "markets", "outlets", "bazaars", "malls", "fairs", "booths", "stands"}
	first    = []string{"www", "shop", "app", "portal", "help", "pay", "eu-shop", "eu-app", "legacy-pos", "legacy-api"}
	tops     = []string{"com", "de", "co.uk", "io", "net", "org"}
	tiers    = []string{"basic", "basic", "basic", "pro", "regulated"}
	versions = []string{"1.0", "1.1", "1.2"}
)

// hostname is a custom hostname and its settings. An empty setting is not set.
type hostname struct {
	name, tier, region                    string
	wildcard                              bool
	minimum, tls13, ciphers, http2, hints string
}

func main() {
	r := rand.New(rand.NewPCG(18, 12))
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "tokens: [{name: reader, value: demo-reader-token, permissions: read_only}]")
	fmt.Fprintln(out, "zones:")

	odd := map[int]bool{}
	for len(odd) < noise {
		odd[r.IntN(hostnames)] = true
	}
	seen := map[string]bool{}
	for z := range zones {
		zone(out, z)
		for i := range hostnames / zones {
			h := made(r, seen)
			h.byRules(z)
			if odd[z*hostnames/zones+i] {
				h.byAccident(r)
			}
			h.write(out)
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// zone writes a zone. The last three belong to a stricter part of the company.
func zone(out *bufio.Writer, z int) {
	settings := `min_tls_version: "1.2", tls_1_3: "on", always_use_https: "on", ssl: strict, ciphers: [` + strings.Join(modern(), ", ") + `]`
	if z >= zones-3 {
		settings += `, http2: "on", opportunistic_encryption: "on"`
	}
	fmt.Fprintf(out, "  - name: %s.example\n    account: Example Inc\n    settings: {%s}\n    custom_hostnames:\n", brands[z], settings)
}

// made returns a new hostname as the product creates it.
func made(r *rand.Rand, seen map[string]bool) hostname {
	for {
		h := hostname{tier: tiers[r.IntN(len(tiers))], region: []string{"eu", "us", "apac"}[r.IntN(3)], wildcard: r.IntN(25) == 0}
		h.name = first[r.IntN(len(first))] + ".c" + strconv.FormatUint(r.Uint64N(hostnames), 36) + "." + tops[r.IntN(len(tops))]
		if r.IntN(12) == 0 {
			h.name = "store" + strconv.Itoa(r.IntN(9000)) + ".partner" + strconv.Itoa(r.IntN(4)) + ".test"
		}
		if !seen[h.name] {
			seen[h.name] = true
			return h
		}
	}
}

// byRules gives a hostname the settings that people have agreed on, more or less.
func (h *hostname) byRules(z int) {
	h.minimum, h.tls13, h.http2 = "1.2", "on", "on"
	if z >= zones-3 {
		h.ciphers = "modern"
	}
	if strings.HasSuffix(h.name, ".partner2.test") {
		h.http2, h.hints = "off", "off"
	}
	if h.region == "eu" && h.tier == "pro" {
		h.hints = "on"
	}
	if strings.HasPrefix(h.name, "legacy-") {
		h.minimum, h.ciphers, h.tls13 = "1.0", "legacy", "off"
	}
	if h.tier == "regulated" {
		h.minimum, h.ciphers, h.tls13 = "1.2", "pci", "on"
	}
	if strings.HasPrefix(h.name, "pay.") {
		h.minimum, h.ciphers, h.tls13 = "1.3", "", "on"
	}
	if h.wildcard {
		h.hints = "off"
	}
}

// byAccident changes one setting to something that no rule explains.
func (h *hostname) byAccident(r *rand.Rand) {
	switch r.IntN(4) {
	case 0:
		h.minimum = versions[r.IntN(len(versions))]
	case 1:
		h.http2 = ""
	case 2:
		h.hints = []string{"on", "off", ""}[r.IntN(3)]
	default:
		if h.minimum != "1.3" {
			h.ciphers = []string{"compatible", "legacy", "modern"}[r.IntN(3)]
		} else {
			h.tls13 = ""
		}
	}
}

func (h *hostname) write(out *bufio.Writer) {
	var settings []string
	add := func(id, value string) {
		if value != "" {
			settings = append(settings, id+": "+value)
		}
	}
	quoted := func(s string) string {
		if s == "" {
			return ""
		}
		return strconv.Quote(s)
	}
	add("min_tls_version", quoted(h.minimum))
	add("tls_1_3", quoted(h.tls13))
	if h.ciphers != "" {
		add("ciphers", "["+strings.Join(suites(h.ciphers), ", ")+"]")
	}
	add("http2", quoted(h.http2))
	add("early_hints", quoted(h.hints))

	wildcard := ""
	if h.wildcard {
		wildcard = "wildcard: true, "
	}
	fmt.Fprintf(out, "      - {hostname: %s, custom_metadata: {tier: %s, region: %s}, ssl: {%ssettings: {%s}}}\n",
		h.name, h.tier, h.region, wildcard, strings.Join(settings, ", "))
}

func modern() []string {
	return []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}
}

// suites are the suites of Cloudflare's named lists.
func suites(list string) []string {
	switch list {
	case "modern":
		return modern()
	case "pci":
		return []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"}
	}
	out := append(modern(), "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384")
	if list == "legacy" {
		return []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
			"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA",
			"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA",
			"AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA", "DES-CBC3-SHA"}
	}
	return out
}
