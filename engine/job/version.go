package job

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/snapshot"
)

// Version is the module's, as the build recorded it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// Tool is this program, as plans and receipts name it.
func Tool() plan.Tool { return plan.Tool{Name: "tlsync", Version: Version()} }

// UserAgent is how the program introduces itself to servers.
func UserAgent() string { return "tlsync/" + Version() }

// build describes the program: what made it, and which files it reads.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"` // empty if the build did not record it
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Formats are the versions of the files that this release reads and writes.
	Formats struct {
		Configuration string `json:"configuration"`
		Plan          string `json:"plan"`
		Receipt       string `json:"receipt"`
		Snapshot      string `json:"snapshot"`
	} `json:"format_versions"`
}

// PrintVersion prints the version of the program, or as JSON all that the build recorded.
func (p *Job) PrintVersion(asJSON bool) error {
	if !asJSON {
		return Write(p.Out, "tlsync version "+Version()+"\n")
	}

	b := build{Version: Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	b.Formats.Configuration, b.Formats.Plan = "1", plan.FormatVersion
	b.Formats.Receipt, b.Formats.Snapshot = planfile.ReceiptVersion, snapshot.FormatVersion
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}

	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("print the version: %w", err)
	}
	return Write(p.Out, string(text)+"\n")
}
