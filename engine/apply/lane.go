package apply

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// deniedRun is how many writes in a row have to be refused to one plan.Grant before the rest
// of its changes is given up. A single refusal may be about its object, or stray.
const deniedRun = 5

// lane holds the changes that take one plan.Grant.
//
// Until the API has taken a write of a lane, and again from a refusal on, its changes
// are written one at a time, so that a refusal means the same at every concurrency.
// After a refusal the next ones are taken from all over the lane: objects that are
// refused for themselves may stand next to each other.
type lane struct {
	grant plan.Grant
	all   []int // ascending
	ready []int // ascending

	// batch is what the changes in together are read with. They go before all others.
	batch    any
	together []int
	reader   int // the change for which the batch is being read, -1 if it has been

	trying   int  // changes that started, and whose write has no answer yet
	trusted  bool // the last answer was no refusal
	inARow   int  // refusals since then
	taken    int  // writes without a refusal
	refused  int
	closed   bool
	withheld int // changes that were given up
	at       int // in the heap, -1 if it is not there

	line *line // nil if the grant has no Queue
}

// line is the lanes of one plan.Grant.Queue.
type line struct {
	lanes []*lane
	busy  int // changes of theirs that started, and whose write has no answer yet
}

// mayStart reports whether a change of the lane may start now.
func (l *lane) mayStart() bool {
	if l.line != nil && l.line.busy > 0 {
		return false
	}
	return len(l.ready) > 0 && !l.closed && l.reader < 0 && (l.trying == 0 || l.trusted)
}

// probes are the places in what is left of a lane from which the changes after so many
// refusals in a row are taken, in quarters.
var probes = [deniedRun]int{0, 2, 4, 1, 3}

// take takes the next change out of the lane.
func (l *lane) take() int {
	at := 0
	if !l.trusted {
		at = (len(l.ready) - 1) * probes[l.inARow] / 4
	}
	i := l.ready[at]
	l.ready = slices.Delete(l.ready, at, at+1)
	return i
}

// takeTogether takes the next change of the batch, if one is left.
func (l *lane) takeTogether() (int, bool) {
	for l.trusted && len(l.together) > 0 {
		i := l.together[0]
		l.together = l.together[1:]
		if at, ok := slices.BinarySearch(l.ready, i); ok {
			l.ready = slices.Delete(l.ready, at, at+1)
			return i, true
		}
	}
	return 0, false
}

// why says why the changes that are left are not attempted.
func (l *lane) why() string {
	return fmt.Sprintf("Cloudflare refused %d writes of %s in a row, made with %s", deniedRun, l.grant.Title(), l.grant.Credential)
}

// queue decides which change starts next: the first one of the plan whose lane lets it,
// and right after it all that are read together with it. A run may take hours and a
// reading is good for seconds, so in any other order nearly every change would have to
// be read again. Its methods are called with run.mu held.
type queue struct {
	lanes   []*lane // in the order of the plan
	of      []*lane // by change
	started []probe
	open    lanes
	current *lane // whose batch is being written
	changes []plan.Change
	batcher Batcher // nil if the target reads everything alone
	// byObject are the changes of the objects that may be read together, by id.
	byObject map[string][]int
}

// probe is the state of a change in the queue.
type probe struct {
	waits bool // for the answer to its write
	doubt bool // its lane was not trusted when it started
}

func newQueue(p *plan.Plan, t Target) queue {
	n := len(p.Changes)
	q := queue{of: make([]*lane, n), started: make([]probe, n), changes: p.Changes, byObject: map[string][]int{}}
	if q.batcher, _ = t.(Batcher); q.batcher != nil {
		q.batcher.Expect(p.Changes)
	}
	granter, grants := t.(Granter)

	byGrant, byQueue := map[plan.Grant]*lane{}, map[string]*line{}
	for i := range p.Changes {
		var g plan.Grant
		if grants {
			g = granter.Grant(&p.Changes[i])
		}
		l := byGrant[g]
		if l == nil {
			l = &lane{grant: g, trusted: !grants, reader: -1, at: -1}
			byGrant[g] = l
			q.lanes = append(q.lanes, l)
			l.join(byQueue)
		}
		if id := p.Changes[i].ObjectID; id != "" && q.batcher != nil {
			q.byObject[id] = append(q.byObject[id], i)
		}
		l.all = append(l.all, i)
		q.of[i] = l
	}
	return q
}

// join puts a lane into the line of its Queue, if it has one.
func (l *lane) join(byQueue map[string]*line) {
	name := l.grant.Queue
	if name == "" {
		return
	}
	if byQueue[name] == nil {
		byQueue[name] = &line{}
	}
	l.line = byQueue[name]
	l.line.lanes = append(l.line.lanes, l)
}

// add adds a change that needs no others any more.
func (q *queue) add(i int) {
	l := q.of[i]
	at, _ := slices.BinarySearch(l.ready, i)
	l.ready = slices.Insert(l.ready, at, i)
	q.open.update(l)
}

// take takes the next change; ok is false if none may start now.
func (q *queue) take() (i int, ok bool) {
	l := q.current
	if l != nil && l.mayStart() {
		i, ok = l.takeTogether()
	}
	if !ok {
		if l = q.open.first(); l == nil {
			return 0, false
		}
		q.current = l
		if i, ok = l.takeTogether(); !ok {
			i = l.take()
			q.begin(l, i)
		}
	}

	q.started[i] = probe{waits: true, doubt: !l.trusted}
	q.try(l, 1)
	return i, true
}

// begin begins a new batch with a change, if its object is read with others. Nothing
// else of the lane starts until that has been read: only then is it known what is
// read with it.
func (q *queue) begin(l *lane, i int) {
	l.batch, l.together = nil, nil
	if q.batcher == nil {
		return
	}
	if l.batch = q.batcher.Batch(&q.changes[i]); l.batch != nil {
		l.reader = i
	}
}

// waiting returns the changes that may start and are read together with that of a
// batch, ascending.
func (q *queue) waiting(l *lane) []int {
	var out []int
	for _, id := range q.batcher.Members(l.batch) {
		for _, i := range q.byObject[id] {
			if _, ok := slices.BinarySearch(l.ready, i); ok {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// leads returns how many further changes wait for the batch that a change begins; ok
// is false if it begins none.
func (q *queue) leads(i int) (further int, ok bool) {
	l := q.of[i]
	if l.reader != i {
		return 0, false
	}
	return len(q.waiting(l)), true
}

// read notes that the batch that a change begins has been read, and that at most so
// many other changes are to follow before it is read again.
func (q *queue) read(i, most int) {
	if l := q.of[i]; l.reader == i {
		l.reader = -1
		l.batch = q.batcher.Batch(&q.changes[i]) // it may have been found elsewhere
		l.together = q.waiting(l)
		l.together = l.together[:max(0, min(len(l.together), most))]
		q.open.update(l)
	}
}

// answered notes that the API took the write of a change.
func (q *queue) answered(i int) {
	l := q.of[i]
	l.trusted, l.inARow = true, 0
	l.taken++
	q.release(i)
}

// ended notes that a change has ended.
func (q *queue) ended(i int) {
	if l := q.of[i]; l.reader == i {
		l.reader = -1
	}
	q.release(i)
}

func (q *queue) release(i int) {
	l := q.of[i]
	if q.started[i].waits {
		q.started[i].waits = false
		q.try(l, -1)
	}
	q.open.update(l)
}

// try counts the changes of a lane that started and have no answer yet.
func (q *queue) try(l *lane, more int) {
	l.trying += more
	q.open.update(l)
	if l.line != nil {
		l.line.busy += more
		for _, other := range l.line.lanes {
			q.open.update(other)
		}
	}
}

// denied notes that the write of a change was refused to the credentials. It returns
// true if the rest of the lane is to be given up. Of the refusals of writes that were
// under way together, only one counts.
func (q *queue) denied(i int) (*lane, bool) {
	l := q.of[i]
	l.refused++
	l.trusted = false
	if l.inARow == 0 || q.started[i].doubt {
		l.inARow++
	}
	if l.inARow >= deniedRun && !l.closed {
		l.closed = true
	}
	q.open.update(l)
	return l, l.closed
}

// denials returns a sentence for every credential that was refused something for no
// other reason than itself, as far as the run could tell: a kind of write of which none
// was taken, or of which the rest was given up.
func (q *queue) denials() []string {
	var order []string
	parts := map[string][]string{}
	for _, l := range q.lanes {
		if l.refused == 0 || l.taken > 0 && !l.closed {
			continue
		}
		who := l.grant.Credential
		if parts[who] == nil {
			order = append(order, who)
		}
		parts[who] = append(parts[who], fmt.Sprintf("%s (%d refused, %d not attempted)", l.grant.Title(), l.refused, l.withheld))
	}

	var out []string
	for _, who := range order {
		out = append(out, "Cloudflare refused writes with "+cmp.Or(who, "the credentials")+": "+few(parts[who]))
	}
	return out
}

// few names the first of many.
func few(list []string) string {
	const most = 3
	if len(list) <= most {
		return words.Enumerate(list)
	}
	return fmt.Sprintf("%s and %d more kinds of writes", strings.Join(list[:most], ", "), len(list)-most)
}

// lanes is a heap of the lanes of which a change may start, by their first change.
type lanes []*lane

// update brings the place of a lane up to date.
func (h *lanes) update(l *lane) {
	switch may := l.mayStart(); {
	case may && l.at < 0:
		heap.Push(h, l)
	case may:
		heap.Fix(h, l.at)
	case l.at >= 0:
		heap.Remove(h, l.at)
	}
}

// first returns the lane with the first change that may start, nil if there is none.
func (h lanes) first() *lane {
	if len(h) == 0 {
		return nil
	}
	return h[0]
}

// Len, Less, Swap, Push and Pop implement heap.Interface.

func (h lanes) Len() int           { return len(h) }
func (h lanes) Less(i, j int) bool { return h[i].ready[0] < h[j].ready[0] }

func (h lanes) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *lanes) Push(x any) {
	l := x.(*lane)
	l.at = len(*h)
	*h = append(*h, l)
}

func (h *lanes) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	l.at = -1
	*h = (*h)[:last]
	return l
}
