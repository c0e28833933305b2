package githubtest

import "fmt"

// Merge merges a pull request with sha as its merge commit. It panics if the pull
// request does not exist.
func (s *Server) Merge(number int, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.items[number]
	if i == nil || i.pull == nil {
		panic(fmt.Sprintf("githubtest: there is no pull request %d", number))
	}
	i.State, i.pull.State, i.pull.Merged, i.pull.MergeSHA = "closed", "closed", true, sha
	i.updated = s.tick()
}

// Close closes an issue or a pull request, as somebody else who may write to the repository.
func (s *Server) Close(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[number].State = "closed"
	s.items[number].updated = s.tick()
}

// EditComment replaces the body of a comment, counted from 0, as somebody else who may write
// to the repository. As on GitHub, the author stays the same whoever edits.
func (s *Server) EditComment(number, i int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.items[number].Comments[i]
	c.Body, c.Editor = s.stored(body), "octocat"
	s.items[number].updated = s.tick()
	s.times[c.ID] = times{s.times[c.ID].created, s.items[number].updated}
}

// Push moves the head of a pull request to another commit.
func (s *Server) Push(number int, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.items[number].pull
	p.Commits = append(p.Commits, p.Head.SHA)
	p.Head.SHA = sha
}

// Know adds commits to those of the repository.
func (s *Server) Know(shas ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sha := range shas {
		s.tips[sha] = true
	}
}
