package order

import "container/heap"

// Sort sorts the indices of after so that each comes after those listed for it;
// where there is a choice, the lower rank comes first. The ranks must be a
// permutation of the indices. It returns indices in a cycle, and all that depend on
// them, as stuck.
func Sort(after [][]int, rank []int) (order, stuck []int) {
	n := len(after)
	byRank := make([]int, n)
	dependants := make([][]int, n)
	waits := make([]int, n)
	for i := range after {
		byRank[rank[i]] = i
		waits[i] = len(after[i])
		for _, a := range after[i] {
			dependants[a] = append(dependants[a], i)
		}
	}

	var ready intHeap
	for r, i := range byRank {
		if waits[i] == 0 {
			ready = append(ready, r) // ascending, hence a heap already
		}
	}
	for ready.Len() > 0 {
		i := byRank[heap.Pop(&ready).(int)]
		order = append(order, i)
		for _, d := range dependants[i] {
			if waits[d]--; waits[d] == 0 {
				heap.Push(&ready, rank[d])
			}
		}
	}

	for i := range waits {
		if waits[i] > 0 {
			stuck = append(stuck, i)
		}
	}
	return order, stuck
}

// intHeap is a min-heap of integers.
type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
