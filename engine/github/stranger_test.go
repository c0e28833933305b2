package github

import (
	"testing"

	"tlsync/engine/github/githubtest"
)

func TestWhatWillNotBeFoundAgainIsTold(t *testing.T) {
	seed := pullWith()
	seed.Login = "my-app[bot]"
	l := newLab(t, seed)
	p, err := l.upsert(t, "one")
	if err != nil || p.Done != "created" || p.Stranger != "my-app[bot]" {
		t.Errorf("comment: %+v, %v", p, err)
	}
	p, err = l.DriftIssue(t.Context(), Issue{Key: "k", Fingerprint: drift(1).Fingerprint, Title: "t", Text: "x"})
	if err != nil || p.Done != "created" || p.Stranger != "my-app[bot]" {
		t.Errorf("issue: %+v, %v", p, err)
	}
	known := newLab(t, githubtest.Seed{Pulls: pullWith().Pulls})
	if p, err := known.upsert(t, "one"); err != nil || p.Stranger != "" {
		t.Errorf("our own comment: %+v, %v", p, err)
	}
}
