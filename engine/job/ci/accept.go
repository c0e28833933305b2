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
	"tlsync/schema/words"
)

// accept accepts the hazards of a plan that labels of its merged pull requests accept, and
// returns how a reader can accept the others. A label counts for what the review of its own
// pull request shows, and for nothing else. If labels cannot be read, they accept nothing.
func (r *run) accept(ctx context.Context, made *plan.Plan) view.Way {
	way := view.Way{Workflow: true}
	refused := refusedKinds(made, r.o.Allow)
	reviews := map[plan.HazardKind][]hold.Reviewed{}
	who, where := map[plan.HazardKind][]string{}, map[plan.HazardKind][]int{}
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
				if !slices.Contains(who[kind], l.By) {
					who[kind] = append(who[kind], l.By)
				}
				where[kind] = append(where[kind], m.pull)
			}
		}
	}

	for _, kind := range refused {
		by := words.Enumerate(who[kind])
		if by != "" && hold.Accept(made, kind, by, reviews[kind]...) {
			r.accepted = append(r.accepted, view.Accepted{Hazard: kind, By: by})
			r.acceptedIn = append(r.acceptedIn, where[kind]...)
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

// labelled returns the hazards of a plan that labels of the pull request accept, and says, as
// Markdown, which labels do not count. The comment shows the plan since a time, which is zero
// if this is the first time.
func (r *run) labelled(ctx context.Context, made *plan.Plan, shown time.Time) (set []view.Accepted, notes string) {
	labels, err := r.labels(ctx, r.event.Pull.Number)
	if err != nil {
		r.notice("warning", "the comment does not say which labels are set: "+err.Error())
	}

	var old []string
	for _, kind := range refusedKinds(made, r.o.Allow) {
		switch l, ok := labels[kind]; {
		case !ok:
		case uncounted(l, shown) != "":
			old = append(old, safe.MarkdownCode(l.Name)+" was set "+uncounted(l, shown)+": take it away and set it again.")
		default:
			set = append(set, view.Accepted{Hazard: kind, By: l.By})
		}
	}
	return set, strings.Join(old, " ")
}

// acceptedOf returns the hazards of a plan that need nothing more because labels accept them.
func (r *run) acceptedOf(made *plan.Plan) []view.Accepted {
	if made == nil {
		return nil
	}
	open := refusedKinds(made, r.o.Allow)
	out := []view.Accepted{}
	for _, kind := range r.o.Allow {
		out = append(out, view.Accepted{Hazard: kind})
	}
	for _, a := range r.accepted {
		if !slices.Contains(open, a.Hazard) {
			out = append(out, a)
		}
	}
	return out
}
