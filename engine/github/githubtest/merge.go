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

// EditComment replaces the body of a comment, counted from 0. As on GitHub, the author
// stays the same whoever edits.
func (s *Server) EditComment(number, i int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[number].Comments[i].Body = s.stored(body)
	s.items[number].updated = s.tick()
}
