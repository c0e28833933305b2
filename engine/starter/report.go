package starter

import (
	"cmp"
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// Told is what the report says besides what was written.
type Told struct {
	Config     string // the flag --config
	Repository bool   // the configuration is in a Git repository
	Zones      string // why the zones are not known, or ""
}

// Report says what was written, what is left to do by hand, and the next two commands.
func Report(o Options, done Done, t Told) string {
	var b strings.Builder
	b.WriteString(done.List())
	for _, line := range remarks(o, done, t) {
		fmt.Fprintf(&b, "\n%s\n", safe.Text(line))
	}

	b.WriteString("\nNext:\n")
	commands := next(o, done, t)
	width := 0
	for _, c := range commands {
		width = max(width, len(c[0]))
	}
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-*s  # %s\n", width, safe.Text(c[0]), c[1])
	}
	return b.String()
}

// List says what was written and what was not.
func (d *Done) List() string {
	var b strings.Builder
	for _, path := range d.Written {
		fmt.Fprintf(&b, "wrote  %s\n", safe.Text(path))
	}
	for _, k := range d.Kept {
		fmt.Fprintf(&b, "kept   %s  (%s)\n", safe.Text(k.Path), k.Why)
	}
	return b.String()
}

// next are the next two commands, each with what it is for. An import fills the documents of
// zones. Without them it replaces the starter, which is only for one that was written just
// now.
func next(o Options, done Done, t Told) [][2]string {
	flag := ""
	if t.Config != "." {
		flag = " --config " + t.Config
	}

	first := [2]string{"tlsync validate" + flag, "after removing a # where you want to begin"}
	fresh := slices.Contains(done.Written, path.Join(o.Dir, "tlsync.yaml"))
	switch {
	case len(o.Zones) > maxZones && fresh:
		first = [2]string{"tlsync import --force" + flag, "what is live, as configuration; it replaces tlsync.yaml"}
	case len(o.Zones) > 0 && fresh:
		first = [2]string{"tlsync import" + flag, "what is live, as configuration; or remove a # in zones/"}
	}
	return [][2]string{first, {"tlsync plan" + flag, "what would change; it writes nothing"}}
}

// remarks are what the files leave open.
func remarks(o Options, done Done, t Told) []string {
	var out []string
	switch {
	case t.Zones != "":
		out = append(out, "No zone is written, because the zones cannot be read: "+t.Zones+".")
	case len(o.Zones) > maxZones:
		out = append(out, fmt.Sprintf("The token reads %s, which is too many for a file each: choose some with --zone.", words.Count(len(o.Zones), "zone")))
	case len(o.Zones) == 0:
		out = append(out, "No zone is written, because the token reads none.")
	}

	flows := false
	for _, path := range done.Written {
		flows = flows || strings.HasPrefix(path, ".github/")
	}
	if !flows {
		return out
	}
	if strings.Contains(cmp.Or(o.Action, Placeholder), "OWNER/") {
		out = append(out, "In the workflows, replace "+cmp.Or(o.Action, Placeholder)+" by the repository and the commit of tlsync that you use.")
	}
	out = append(out, "The workflows take two secrets: CLOUDFLARE_API_TOKEN_READ of the repository, with a token that can only read, "+
		"and CLOUDFLARE_API_TOKEN of the environment production, with one that can write.")
	if !t.Repository {
		out = append(out, "This is not a Git repository yet: run git init.")
	}
	return out
}

// Action is the reference to the action of this build, as far as the build recorded where
// it comes from, with OWNER where it did not.
func Action() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Placeholder
	}

	repository, commit := "OWNER/tlsync", ""
	if path, ok := strings.CutPrefix(info.Main.Path, "github.com/"); ok {
		repository = path
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			return Placeholder // no commit has what is running
		}
	}
	if commit == "" {
		return Placeholder
	}
	return repository + "@" + commit
}
