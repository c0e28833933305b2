package ci

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
)

// accepted is a hazard that labels of pull requests accept.
type accepted struct {
	kind plan.HazardKind
	by   string // who, foreign text
}

// accept accepts the hazards of a plan that labels of its merged pull requests accept, and
// returns how a reader can accept the others. A label counts for what the review of its own
// pull request shows, and for nothing else. If labels cannot be read, they accept nothing.
func (r *run) accept(ctx context.Context, made *plan.Plan) view.Way {
	way := view.Way{Workflow: true}
	refused := refusedKinds(made, r.o.Allow)
	reviews, who := map[plan.HazardKind][]hold.Reviewed{}, map[plan.HazardKind][]string{}
	for i := range r.merges {
		m := &r.merges[i]
		shown := m.shows(made, refused)
		if len(shown) == 0 {
			continue
		}

		labels, err := r.labels(ctx, m.pull)
		if err != nil {
			way.Notes = append(way.Notes, "labels accept nothing: "+err.Error())
			continue
		}
		for _, kind := range shown {
			l, set := labels[kind]
			if why := uncounted(l, m.shown); set && why != "" {
				way.Notes = append(way.Notes, fmt.Sprintf("the label %s of pull request %d does not count: it was set %s; take it away and set it again", l.Name, m.pull, why))
			} else if set {
				reviews[kind] = append(reviews[kind], m.review.Reviewed)
				who[kind] = append(who[kind], fmt.Sprintf("%s, by the label of pull request %d", l.By, m.pull))
			}
		}
	}

	for _, kind := range refused {
		by := strings.Join(who[kind], " and ")
		if by != "" && hold.Accept(made, kind, by, reviews[kind]...) {
			r.accepted = append(r.accepted, accepted{kind, by})
		}
	}
	left := refusedKinds(made, r.o.Allow)
	for i := range r.merges {
		if m := &r.merges[i]; len(m.shows(made, left)) > 0 {
			way.Pulls = append(way.Pulls, m.pull)
		}
	}
	slices.Sort(way.Pulls)
	return way
}

// refusedKinds returns the hazards of a plan that still have to be accepted, and can be.
func refusedKinds(made *plan.Plan, allowed []plan.HazardKind) []plan.HazardKind {
	var kinds []plan.HazardKind
	for _, r := range apply.Refusals(made, allowed) {
		if r.Hazard != plan.Unreachable {
			kinds = append(kinds, r.Hazard)
		}
	}
	return kinds
}

// shows returns which of some hazards of a plan the review of a merge shows.
func (m *merge) shows(made *plan.Plan, kinds []plan.HazardKind) []plan.HazardKind {
	if m.review == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(kind plan.HazardKind) bool { return !hold.Shows(made, kind, m.review.Reviewed) })
}

// labels returns the labels of a pull request that accept hazards, by hazard.
func (r *run) labels(ctx context.Context, pull int) (map[plan.HazardKind]github.Label, error) {
	set, err := r.client.Labels(ctx, pull, view.AllowLabel)
	if err != nil {
		return nil, err
	}
	byKind := map[plan.HazardKind]github.Label{}
	for _, l := range set {
		if kind := plan.HazardKind(strings.TrimPrefix(l.Name, view.AllowLabel)); slices.Contains(plan.HazardKinds(), kind) {
			byKind[kind] = l
		}
	}
	return byKind, nil
}

// uncounted says why a label does not count for what a comment shows since a time. It is
// empty if the label counts.
func uncounted(l github.Label, shown time.Time) string {
	switch {
	case shown.IsZero() || !l.At.After(shown):
		return "before the comment showed these changes"
	case l.By == "":
		return "by an account that was deleted"
	}
	return ""
}

// ask says which labels a plan takes, and which of them are set, as Markdown for the comment
// of the pull request. The comment shows the plan since a time, which is zero if this is the
// first time.
func (r *run) ask(ctx context.Context, made *plan.Plan, shown time.Time) string {
	kinds := refusedKinds(made, r.o.Allow)
	if len(kinds) == 0 {
		return ""
	}
	labels, err := r.labels(ctx, r.event.Pull.Number)
	if err != nil {
		r.notice("warning", "the comment does not say which labels are set: "+err.Error())
	}

	var missing, lines []string
	for _, kind := range kinds {
		name := safe.MarkdownCode(view.AllowLabel + string(kind))
		switch l, set := labels[kind]; {
		case !set:
			missing = append(missing, name)
		case uncounted(l, shown) != "":
			missing = append(missing, name)
			lines = append(lines, fmt.Sprintf("%s was set %s: take it away and set it again.", name, uncounted(l, shown)))
		default:
			lines = append(lines, fmt.Sprintf("%s was set by %s.", name, safe.MarkdownCode(l.By)))
		}
	}
	if len(missing) > 0 {
		lines = append([]string{fmt.Sprintf("**The apply will be refused** until somebody accepts its hazards. To accept them for what this comment shows, set on this pull request, after this comment: %s.", strings.Join(missing, ", "))}, lines...)
	}
	return strings.Join(lines, " ")
}
