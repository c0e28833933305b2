package report

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema/sorted"
)

// block is a part of a page that can be shown in part: as many whole items as there is
// room for, and a text that counts the rest.
type block struct {
	head, tail string // written before and after the items
	items      int
	item       func(i int) string // called for items that may be shown
	// more counts the items from i on, which are left out. It is longest for i = 0.
	more func(i int) string
	// rank decides who gets room first: 0 comes first.
	rank int

	shown   []string
	refused string // the first item without room
}

// least returns the room that blocks take without items.
func least(blocks []*block) int {
	room := 0
	for _, b := range blocks {
		room += len(b.head) + len(b.more(0)) + len(b.tail)
	}
	return room
}

// fit makes blocks show the items that fit into room, in bytes, beyond what the blocks take
// at least.
//
// In the order of ranks, each block may take half of the room that is left, so that one
// long list does not starve the others. In the same order they then take the rest.
func fit(blocks []*block, room int) {
	line := slices.Clone(blocks)
	sorted.Stably(line, func(a, b *block) int { return cmp.Compare(a.rank, b.rank) })
	for _, b := range line {
		room -= b.take(room / 2)
	}
	for _, b := range line {
		room -= b.take(room)
	}
}

// take shows the next items as long as they fit, and returns the room that they take.
func (b *block) take(room int) int {
	used := 0
	for len(b.shown) < b.items {
		text := b.refused
		if text == "" {
			text = b.item(len(b.shown))
		}

		if used+len(text) > room {
			b.refused = text
			break
		}

		b.refused = ""
		b.shown = append(b.shown, text)
		used += len(text)
	}
	return used
}

// String returns the block as it is shown.
func (b *block) String() string {
	text := b.head + strings.Join(b.shown, "")
	if n := len(b.shown); n < b.items {
		text += b.more(n)
	}
	return text + b.tail
}
