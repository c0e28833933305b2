package github

import (
	"errors"
	"strings"
	"testing"

	"tlsync/engine/github/githubtest"
)

func TestMergedPull(t *testing.T) {
	pull := func(n int, base, merge string, merged bool, commits ...string) githubtest.Pull {
		return githubtest.Pull{Number: n, Merged: merged, MergeSHA: merge, Commits: commits, Head: githubtest.Ref{Ref: "fix", SHA: shaB}, Base: githubtest.Ref{Ref: base}}
	}
	for name, tt := range map[string]struct {
		pulls []githubtest.Pull
		want  int
	}{
		"none":                                       {nil, 0},
		"by its merge commit":                        {[]githubtest.Pull{pull(3, "main", shaA, true)}, 3},
		"one that is not merged":                     {[]githubtest.Pull{pull(3, "main", shaA, false)}, 0},
		"one into another branch":                    {[]githubtest.Pull{pull(3, "dev", shaA, true)}, 0},
		"the merge commit before a smaller one":      {[]githubtest.Pull{pull(3, "main", shaC, true, shaA), pull(5, "main", shaA, true)}, 5},
		"the smallest of those that merely have it":  {[]githubtest.Pull{pull(9, "main", shaC, true, shaA), pull(4, "main", shaC, true, shaA), pull(7, "main", shaC, true, shaA)}, 4},
		"one that is merged beside one that is open": {[]githubtest.Pull{pull(2, "main", "", false, shaA), pull(6, "main", shaC, true, shaA)}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, githubtest.Seed{Pulls: tt.pulls, Commits: []string{shaA}, PageLimit: 1})
			p, ok, err := l.MergedPull(t.Context(), shaA, "main")
			if err != nil || ok != (tt.want > 0) || p.Number != tt.want || ok && p.HeadSHA != shaB {
				t.Errorf("%+v, %v, %v\n%s", p, ok, err, l.Transcript())
			}
		})
	}
	l := newLab(t, githubtest.Seed{})
	_, _, err := l.MergedPull(t.Context(), shaA, "main")
	wantError(t, err, nil, "find the pull request of commit "+shaA+": GET", "422 No commit found for SHA")
	_, _, err = l.MergedPull(t.Context(), "main", "main")
	wantError(t, err, nil, `"main" is not a commit of 40 hexadecimal digits`)
	l.SetPermission("pull-requests", false)
	_, _, err = l.MergedPull(t.Context(), shaA, "main")
	wantError(t, err, ErrNoPermission, "pull-requests: read")
}

func TestAPullOfAnotherRepositoryIsNotTheOne(t *testing.T) {
	l := newLab(t, githubtest.Seed{Pulls: []githubtest.Pull{{Number: 3, Merged: true, MergeSHA: shaA, Base: githubtest.Ref{Ref: "main", Repo: "eve/tls"}}}})
	if p, ok, err := l.MergedPull(t.Context(), shaA, "main"); ok || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestBranchTip(t *testing.T) {
	l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA, "release/1.x #%2f": shaB}})
	for branch, want := range map[string]string{"main": shaA, "release/1.x #%2f": shaB} {
		if sha, err := l.BranchTip(t.Context(), branch); err != nil || sha != want {
			t.Errorf("%s is at %s, %v", branch, sha, err)
		}
	}
	if !strings.Contains(l.Transcript(), "/branches/release%2F1.x%20%23%252f 200") {
		t.Error(l.Transcript())
	}
	_, err := l.BranchTip(t.Context(), "gone\n")
	wantError(t, err, nil, `find the tip of branch "gone\n": GET /repos/acme/tls/branches/gone: 404 Branch not found; it does not exist`)
	_, err = l.BranchTip(t.Context(), "../x")
	wantError(t, err, nil, `find the tip of branch "../x"`)
	if strings.Contains(l.Transcript(), "..") {
		t.Error(l.Transcript())
	}
	l.SetPermission("contents", false)
	_, err = l.BranchTip(t.Context(), "main")
	wantError(t, err, ErrNoPermission, "contents: read")
}

func TestStatuses(t *testing.T) {
	l := newLab(t, githubtest.Seed{Commits: []string{shaA}, PageLimit: 2})
	has := func(name string, want bool) {
		t.Helper()
		if got, err := l.HasStatus(t.Context(), shaA, name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	has("tlsync/apply", false)
	if err := l.SetStatus(t.Context(), shaA, "tlsync/apply", strings.Repeat("é", 200), "https://ci.test/1"); err != nil {
		t.Fatal(err)
	}
	want := githubtest.Status{SHA: shaA, Context: "tlsync/apply", State: "success", Description: strings.Repeat("é", 139) + "…", TargetURL: "https://ci.test/1", Creator: Bot}
	if got := l.Statuses(shaA); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if err := l.SetStatus(t.Context(), shaA, name, "", "javascript:x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.Statuses(shaA)[4]; got.TargetURL != "" {
		t.Errorf("%+v", got)
	}
	has("tlsync/apply", true)
	has("tlsync", false)
	has("d", true)
	if !strings.Contains(l.Transcript(), "statuses?page=3&per_page=100") {
		t.Error(l.Transcript())
	}
}

func TestTheNewestStatusCounts(t *testing.T) {
	status := func(state string) githubtest.Status { return githubtest.Status{SHA: shaA, Context: "x", State: state} }
	for want, states := range map[bool][]githubtest.Status{true: {status("failure"), status("success")}, false: {status("success"), status("pending")}} {
		l := newLab(t, githubtest.Seed{Statuses: states})
		if got, err := l.HasStatus(t.Context(), shaA, "x"); err != nil || got != want {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestTheNewestStatusOfEachNameCounts(t *testing.T) {
	for _, c := range []struct {
		seed string // the oldest first: "x+" is success of x
		want bool
	}{
		{"", false}, {"x+", true}, {"y+", true}, {"z+", false}, {"x- y+", true}, {"y+ x-", true}, {"x+ x-", false}, {"x+ x- y+ y-", false}, {"x- x+ y-", true},
	} {
		var statuses []githubtest.Status
		for _, f := range strings.Fields(c.seed) {
			state := map[string]string{"+": "success", "-": "failure"}[f[1:]]
			statuses = append(statuses, githubtest.Status{SHA: shaA, Context: f[:1], State: state})
		}
		l := newLab(t, githubtest.Seed{Commits: []string{shaA}, Statuses: statuses, PageLimit: 1})
		if got, err := l.HasStatus(t.Context(), shaA, "x", "y"); err != nil || got != c.want {
			t.Errorf("%q: %v, %v", c.seed, got, err)
		}
	}
}

func TestStatusesOfOthersDoNotCount(t *testing.T) {
	l := newLab(t, githubtest.Seed{Commits: []string{shaA}, Statuses: []githubtest.Status{
		{SHA: shaA, Context: "x", State: "success", Creator: "mallory"},
		{SHA: shaA, Context: "y", State: "success"}, {SHA: shaA, Context: "y", State: "failure", Creator: "mallory"},
		{SHA: shaA, Context: "z", State: "success", Creator: "ghost"}, // an account that was deleted
	}})
	for name, want := range map[string]bool{"x": false, "y": true, "z": false} {
		if got, err := l.HasStatus(t.Context(), shaA, name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestStatusesThatAreRefused(t *testing.T) {
	l := newLab(t, githubtest.Seed{Commits: []string{shaA}})
	wantError(t, l.SetStatus(t.Context(), "main", "x", "", ""), nil, `set the status "x" of commit main: "main" is not a commit`)
	_, err := l.HasStatus(t.Context(), "main\n", "x")
	wantError(t, err, nil, `"main\n" is not a commit`)
	wantError(t, l.SetStatus(t.Context(), shaB, "x", "", ""), nil, "422 No commit found for SHA")
	l.SetPermission("statuses: write", false)
	wantError(t, l.SetStatus(t.Context(), shaA, "x", "", ""), ErrNoPermission, "statuses: write")
	if ok, err := l.HasStatus(t.Context(), shaA, "x"); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	l.SetPermission("statuses", false)
	if _, err = l.HasStatus(t.Context(), shaA, "x"); !errors.Is(err, ErrNoPermission) {
		t.Error(err)
	}
}
