package githubtest

import "slices"

// event is an entry of the timeline of an issue or a pull request.
type event struct {
	kind, actor, label string
	at                 int
}

// Label sets a label, or takes it away, as somebody. An author "ghost" is an account that
// was deleted.
func (s *Server) Label(number int, author, name string, set bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.items[number]
	kind := "labeled"
	i.Labels = slices.DeleteFunc(i.Labels, func(l string) bool { return l == name })
	if set {
		i.Labels = append(i.Labels, name)
	} else {
		kind = "unlabeled"
	}
	i.updated = s.tick()
	i.events = append(i.events, event{kind, author, name, i.updated})
}

func (i *item) showLabels() []any {
	labels := []any{}
	for _, l := range i.Labels {
		labels = append(labels, map[string]any{"name": l})
	}
	return labels
}

// timeline lists what happened to a pull request, the oldest first: its commits, which have
// no time of an event, and then comments and labels.
func (c call) timeline(number string) answer {
	i, a, ok := c.item(number)
	if !ok {
		return a
	}

	var all []any
	if i.pull != nil {
		for _, sha := range append(slices.Clone(i.pull.Commits), i.pull.Head.SHA) {
			all = append(all, map[string]any{"event": "committed", "sha": sha})
		}
	}
	for _, m := range i.Comments {
		all = append(all, map[string]any{"event": "commented", "id": m.ID, "body": m.Body, "actor": user(m.Author), "created_at": date(c.times[m.ID].created)})
	}
	for _, e := range i.events {
		all = append(all, map[string]any{"event": e.kind, "actor": user(e.actor), "created_at": date(e.at), "label": map[string]any{"name": e.label, "color": "ffffff"}})
	}
	return c.page(all)
}
