package github

import (
	"strings"
	"testing"

	"tlsync/engine/github/githubtest"

	"github.com/google/go-cmp/cmp"
)

var baseCommit = strings.Repeat("a", 40)

func withBase() githubtest.Seed {
	return githubtest.Seed{Branches: map[string]string{"main": baseCommit}}
}

// adoption proposes to change a file.
func adoption(content string) Proposal {
	o := Proposal{Key: "default", Base: "main", Commit: baseCommit, Message: "Adopt drift", Title: "Adopt drift", Text: "What is live.\n"}
	if content != "" {
		o.Files = map[string][]byte{"tls/zones/a.yaml": []byte(content)}
	}
	return o
}

func TestAProposalThroughItsLife(t *testing.T) {
	l := newLab(t, withBase())
	for _, step := range []struct {
		what, content, done, sent string
	}{
		{"without drift nothing is made", "", "none", "GET 200"},
		{"drift opens a pull request", "a: 1\n", "created", "GET 200, GET 404, GET 200, POST 201, POST 201, POST 201, POST 201"},
		{"the same drift is known", "a: 1\n", "unchanged", "GET 200"},
		{"other drift changes it", "a: 2\n", "updated", "GET 200, GET 200, GET 200, GET 200, POST 201, POST 201, PATCH 200, PATCH 200"},
		{"the end of it closes it", "", "closed", "GET 200, PATCH 200"},
		{"once", "", "none", "GET 200"},
		{"the same drift opens another", "a: 2\n", "created", "GET 200, GET 200, GET 200, GET 200, POST 201, POST 201, PATCH 200, POST 201"},
		{"what somebody declined", "decline", "none", ""},
		{"is not proposed again", "a: 2\n", "none", "GET 200"},
		{"other drift is", "a: 3\n", "created", "GET 200, GET 200, GET 200, GET 200, POST 201, POST 201, PATCH 200, POST 201"},
	} {
		l.ClearTranscript()
		if step.content == "decline" {
			l.Close(2)
			continue
		}
		got, err := l.Propose(t.Context(), adoption(step.content))
		if err != nil || got.Done != step.done || l.methods() != step.sent {
			t.Fatalf("%s: %+v, %v\n%s", step.what, got, err, l.Transcript())
		}
	}

	pulls := l.Pulls()
	if len(pulls) != 3 || pulls[0].State != "closed" || pulls[2].State != "open" {
		t.Fatalf("%+v", pulls)
	}
	want := githubtest.Proposed{
		Issue: githubtest.Issue{Number: 3, Title: "Adopt drift", Author: Bot, State: "open", Body: Marker{KindAdopt, "default", new(adoption("a: 3\n")).fingerprint()}.above("What is live.\n")},
		Head:  "tlsync/adopt", Base: "main", Message: "Adopt drift\n\nTlsync-Adopt: default\n", Files: map[string]string{"tls/zones/a.yaml": "a: 3\n"},
	}
	if diff := cmp.Diff(want, pulls[2]); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAProposalLeavesAlone(t *testing.T) {
	decoy := func(author string) githubtest.Pull {
		return githubtest.Pull{Number: 4, Author: author, Title: "Mine", Body: Marker{KindAdopt, "default", strings.Repeat("1", 64)}.above("x"), Head: githubtest.Ref{Ref: "tlsync/adopt", SHA: strings.Repeat("c", 40)}}
	}

	t.Run("a branch with a commit of somebody else", func(t *testing.T) {
		seed := withBase()
		seed.Branches["tlsync/adopt"] = strings.Repeat("c", 40)
		l := newLab(t, seed)
		_, err := l.Propose(t.Context(), adoption("a: 1\n"))
		if err == nil || !strings.Contains(err.Error(), "branch tlsync/adopt has a commit of someone else, cccccccccccc: merge or delete the branch") {
			t.Errorf("%v", err)
		}
		if strings.Contains(l.Transcript(), "POST") || len(l.Pulls()) > 0 {
			t.Errorf("something was written:\n%s", l.Transcript())
		}
	})
	t.Run("the text of a pull request of somebody else", func(t *testing.T) {
		seed := withBase()
		seed.Pulls = []githubtest.Pull{decoy("eve")}
		l := newLab(t, seed)
		if p, err := l.Propose(t.Context(), adoption("")); err != nil || p.Done != "none" {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := l.Propose(t.Context(), adoption("a: 1\n")); err != nil || p.Done != "updated" || p.Number != 4 {
			t.Errorf("%+v, %v", p, err)
		}
		if pull := l.Pulls()[0]; pull.Title != "Mine" || pull.State != "open" {
			t.Errorf("%+v", pull)
		}
	})
	t.Run("ours is updated", func(t *testing.T) {
		seed := withBase()
		seed.Pulls = []githubtest.Pull{decoy(Bot)}
		l := newLab(t, seed)
		if p, err := l.Propose(t.Context(), adoption("a: 1\n")); err != nil || p.Done != "updated" || l.Pulls()[0].Title != "Adopt drift" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestWhatForbidsAProposal(t *testing.T) {
	for want, change := range map[string]func(*githubtest.Seed){
		"give the job the permission contents: write":                                              func(s *githubtest.Seed) { s.Without = []string{"contents: write"} },
		"give the job the permission pull-requests: write":                                         func(s *githubtest.Seed) { s.Without = []string{"pull-requests: write"} },
		"allow it in the settings of the repository, under Actions, General, Workflow permissions": func(s *githubtest.Seed) { s.NoPulls = true },
	} {
		seed := withBase()
		change(&seed)
		l := newLab(t, seed)
		if _, err := l.Propose(t.Context(), adoption("a: 1\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, not %v", want, err)
		}
	}
}

// TestALostAnswerMakesNothingTwice loses the answer to every write in turn.
func TestALostAnswerMakesNothingTwice(t *testing.T) {
	for _, path := range []string{"/git/trees", "/git/commits", "/git/refs", "/pulls"} {
		l := newLab(t, withBase())
		l.Fault(githubtest.Fault{Method: "POST", Path: path, Drop: true})
		p, err := l.Propose(t.Context(), adoption("a: 1\n"))
		if err != nil || p.Done != "created" || len(l.Pulls()) != 1 || l.Pulls()[0].Files["tls/zones/a.yaml"] != "a: 1\n" {
			t.Errorf("%s: %+v, %v\n%s", path, p, err, l.Transcript())
		}
	}
}
