package job

import (
	"cmp"
	"context"
	"errors"
	"time"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/who"
)

const (
	// auditPeriod is how far back audit logs are searched.
	auditPeriod = 30 * 24 * time.Hour
	// auditTime is how long a run waits for all of them.
	auditTime = 30 * time.Second
)

// LookAtDrift is Look, and then asks the audit logs of the accounts who made live differ.
func (p *Job) LookAtDrift(ctx context.Context, o Common, c, base *Configuration) (*plan.Plan, *plan.Live, error) {
	return p.look(ctx, o, c, base, "", func(source engine.Source, made *plan.Plan, live *plan.Live) {
		made.Findings = append(made.Findings, p.AskWho(ctx, o, source, made, live, who.Drifted)...)
		plan.SortFindings(made.Findings)
	})
}

// AskWho adds to the wanted edits of a plan who made live differ. No plan needs that: it
// returns findings about what cannot be known.
func (p *Job) AskWho(ctx context.Context, o Common, source engine.Source, made *plan.Plan, live *plan.Live, wanted func(*plan.Change, *plan.Edit) bool) (unknown []plan.Finding) {
	reader, ok := source.(*cloudflare.Reader)
	if !ok {
		return nil // live state is from a file
	}
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()

	// On a runner, and in Markdown, it is not known who will read it.
	everybody := p.InActions() || o.Workspace != nil || o.Format == "markdown" || o.Format == "github"
	before := p.Now()
	for _, q := range who.Questions(made, live, wanted) {
		log, err := reader.AuditLog(ctx, q.Account, q.Zone.ID, before.Add(-auditPeriod), before)
		if err != nil {
			unknown = append(unknown, notKnown(q.Account, err))
			continue
		}
		q.Answer(log)
		if q.OfZones() { // the values are an extra: without them the answer stands
			if values, err := reader.AuditValues(ctx, q.Account, q.Zone, log.Since, before); err == nil {
				q.AddValues(values)
			}
		}
		if everybody {
			q.Mask()
		}
	}
	return unknown
}

// notKnown says why it is not known who made live differ.
func notKnown(a plan.Account, err error) plan.Finding {
	why := "read the audit log: " + OneLine(err)
	var failed *cloudflare.Error
	if errors.As(err, &failed) {
		why = cmp.Or(failed.Diagnosis(), why)
	}
	return plan.Finding{
		Severity: plan.Info, Rule: plan.AuditLog, Ref: plan.AccountRef(a.Name),
		Message: "it is not known who changed this: " + why,
	}
}
