package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/github"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report"
	"tlsync/engine/report/html"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// PlanOptions are the options of Plan.
type PlanOptions struct {
	Common
	Base     string
	Out      string
	Snapshot string
	Detailed bool
}

// Plan compares desired with live state and prints the plan.
func (p *Job) Plan(ctx context.Context, o PlanOptions) error {
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	var base *Configuration
	if o.Base != "" {
		if base, err = p.Base(o.Common, o.Base); err != nil {
			return err
		}
	}

	made, err := p.Compare(ctx, o.Common, c, base, o.Snapshot)
	if err != nil {
		return err
	}
	if o.Format != "text" || o.Verbose || o.Out != "" {
		p.Credit(ctx, o.Common, made, c, base)
	}
	if o.Out != "" {
		if err := p.SavePlan("--out", o.Out, made); err != nil {
			return err
		}
		if len(made.Changes) > 0 {
			p.Remark(o.Common, "tlsync: saved the plan; apply exactly this with: tlsync apply %s", safe.Text(o.Out))
		}
	}

	if err := p.Print(o.Common, made, AsDrift{}); err != nil {
		return err
	}
	if err := cmp.Or(Unread(made), p.PolicyKept(made, c)); err != nil {
		return err
	}
	if o.Detailed && len(made.Changes) > 0 {
		return Exit{CodeDiffers, nil}
	}
	return nil
}

// Compare makes a plan with a client that has no write methods, or from a snapshot if one
// is named. Base may be nil.
func (p *Job) Compare(ctx context.Context, o Common, c, base *Configuration, from string) (*plan.Plan, error) {
	made, _, err := p.Look(ctx, o, c, base, from)
	return made, err
}

// Look is Compare, and also returns the live state.
func (p *Job) Look(ctx context.Context, o Common, c, base *Configuration, from string) (*plan.Plan, *plan.Live, error) {
	return p.look(ctx, o, c, base, from, func(engine.Source, *plan.Plan, *plan.Live) {})
}

// look is Look, and then asks the source of live state for more.
func (p *Job) look(ctx context.Context, o Common, c, base *Configuration, from string, ask func(engine.Source, *plan.Plan, *plan.Live)) (*plan.Plan, *plan.Live, error) {
	source, done, err := p.Source(o, c, base, from)
	if err != nil {
		return nil, nil, err
	}
	made, live, err := p.Engine(o, source).Look(ctx, base.Asked(), c.Desired, c.against(base))
	if err == nil {
		ask(source, made, live)
	}
	done()
	return made, live, Interrupted(ctx, err)
}

// Source returns where live state comes from, and a function that ends the progress.
func (p *Job) Source(o Common, c, base *Configuration, from string) (engine.Source, func(), error) {
	if from != "" {
		saved, err := ReadSnapshot(from)
		if err != nil {
			return nil, nil, fmt.Errorf("--snapshot: %w", err)
		}
		p.Remark(o, "tlsync: using the live state saved at %s in %s", saved.TakenAt.Format(time.RFC3339), safe.Text(from))
		return saved.For(c.Desired, base.Asked()), func() {}, nil
	}

	opts, err := p.cloudflareOptions(o, c.Desired, base.Asked())
	if err != nil {
		return nil, nil, err
	}
	p.Uses(opts)
	progress := p.watch(o, &opts)
	reader, err := cloudflare.NewReader(opts)
	if err != nil {
		return nil, nil, err
	}
	return reader, progress.close, nil
}

// Interrupted says in one sentence that an interrupt or the deadline ended the
// run before anything was written.
func Interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("stopped by %w; nothing was written", context.Cause(ctx))
	}
	return err
}

// AsDrift says how a plan is printed that was made to find drift. Its fields are those of
// report.TextOptions.
type AsDrift struct{ Pending, Drift bool }

// Print prints a plan.
func (p *Job) Print(o Common, made *plan.Plan, as AsDrift) error {
	if o.Format == "json" {
		return planfile.PlanJSON(p.Out, made)
	}
	made = Hidden(p, made)
	switch o.Format {
	case "github":
		return github.Commands(p.Out, p.Located(o, report.PlanAnnotations(made)))
	case "markdown":
		text, err := Markdown(p, report.Markdown, made, report.MarkdownOptions{Rate: o.Rate.Text(), Limit: o.Limit, Pending: as.Pending, Drift: as.Drift})
		return cmp.Or(err, p.Secrets.Rendered(p.Out, text))
	case "html":
		return p.printPage(html.PlanPage(made, html.PlanOptions{Rate: o.Rate.Text(), Limit: o.Limit, Pending: as.Pending, Drift: as.Drift}))
	}
	return report.Text(p.Out, made, report.TextOptions{Verbose: o.Verbose, Color: o.Color, Rate: o.Rate.Text(), Limit: o.Limit, Pending: as.Pending, Drift: as.Drift})
}

// Located converts annotations of configuration lines for GitHub, with paths from the
// root of the repository.
func (p *Job) Located(o Common, as []report.Annotation) []github.Annotation {
	below := ""
	if repo, err := p.Repository(o); err == nil {
		below = repo.Sub()
	}
	out := make([]github.Annotation, len(as))
	for i, a := range Hidden(p, as) {
		if a.File != "" {
			a.File = path.Join(below, a.File)
		}
		out[i] = github.Annotation(a)
	}
	return out
}

// Unread fails if something that the configuration manages could not be read or cannot be
// written: such a plan must not pass as complete.
func Unread(made *plan.Plan) error {
	n := 0
	for _, f := range made.Findings {
		if f.Severity == schema.Error && !f.OfPolicy() {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("the plan is incomplete: 1 finding is an error")
	}
	return fmt.Errorf("the plan is incomplete: %s findings are errors", words.Number(n))
}

// SavePlan writes a plan to the file of a flag, without secrets. A plan that would write one
// is not saved: its file could not be applied.
func (p *Job) SavePlan(flag, file string, made *plan.Plan) error {
	shown := Hidden(p, made)
	if shown != made && plan.Digest(shown.Changes) != made.Digest {
		return fmt.Errorf("%s: the plan is not saved: its changes hold a credential", flag)
	}
	return regular.Save(flag, file, func(w io.Writer) error { return planfile.SavePlan(w, shown) })
}

// ShowOptions are the options of Show.
type ShowOptions struct {
	Common
	File string // a saved plan or a receipt
}

// Show prints a saved plan or a receipt.
func (p *Job) Show(_ context.Context, o ShowOptions) error {
	text, err := regular.Read(o.File, planfile.MaxSize)
	if err != nil {
		return err
	}
	if planfile.IsReceipt(text) {
		return p.showReceipt(o.Common, o.File, text)
	}

	made, err := ReadPlan(o.File, text)
	if err != nil {
		return err
	}
	return p.Print(o.Common, made, AsDrift{})
}

// ReadPlan reads a plan that was saved in a file, from its text.
func ReadPlan(file string, text []byte) (*plan.Plan, error) {
	made, err := planfile.ParsePlan(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return made, intact(file, made)
}

// intact refuses a plan that was changed after it was saved.
func intact(file string, made *plan.Plan) error {
	if plan.Digest(made.Changes) != made.Digest {
		return fmt.Errorf("%s: the digest does not match its changes: the file was edited or damaged; make the plan again", file)
	}
	if !planfile.Intact(made) {
		return fmt.Errorf("%s: the checksum does not match its content: the file was edited or damaged; make the plan again", file)
	}
	return nil
}
