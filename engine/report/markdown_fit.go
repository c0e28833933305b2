package report

import (
	"cmp"
	"slices"
	"strings"
)

// block is a part of a page that can be shown in part: whole items of it, as
// many as there is room for, and what counts the rest.
type block struct {
	head, tail string // written before and after the items
	items      int
	item       func(i int) string // called for items that may be shown
	// more stands for the items from i on, which are left out. It is nowhere
	// longer than for i = 0.
	more func(i int) string
	// rank is the place in line for room: 0 comes first.
	rank int

	shown   []string
	refused string // the item for which there was no room
}

// least is the room that blocks take with no item.
func least(blocks []*block) int {
	room := 0
	for _, b := range blocks {
		room += len(b.head) + len(b.more(0)) + len(b.tail)
	}
	return room
}

// fit lets blocks show the items that there is room for, in bytes, beyond what
// they take at least.
//
// By rank, each may take half of what is left, so that one long list does not
// starve the others; what is over at the end is dealt out in the same order.
func fit(blocks []*block, room int) {
	line := slices.Clone(blocks)
	slices.SortStableFunc(line, func(a, b *block) int { return cmp.Compare(a.rank, b.rank) })
	for _, b := range line {
		room -= b.take(room / 2)
	}
	for _, b := range line {
		room -= b.take(room)
	}
}

// take shows the next items as long as they fit, and tells what room they took.
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

// String is the block as it is shown.
func (b *block) String() string {
	text := b.head + strings.Join(b.shown, "")
	if n := len(b.shown); n < b.items {
		text += b.more(n)
	}
	return text + b.tail
}
