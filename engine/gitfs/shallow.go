package gitfs

// IsShallow reports whether the clone lacks the parents of some commits.
func (r *Repo) IsShallow() bool { return len(r.layout.shallow) > 0 }
