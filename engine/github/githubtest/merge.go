package githubtest

import "fmt"

// Merge merges a pull request: the commit is what its merge made. It panics where
// there is no such pull request.
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

// EditComment makes the body of a comment, counted from 0, another one: whoever may
// write to a repository may edit all comments. The author stays.
func (s *Server) EditComment(number, i int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[number].Comments[i].Body = s.stored(body)
	s.items[number].updated = s.tick()
}
