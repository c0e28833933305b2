package planfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"unsafe"

	"tlsync/engine/plan"
)

const (
	// maxItem is the largest size of a change or a finding, in bytes of JSON.
	maxItem = 4 << 20
	// maxGrowth is how many bytes of memory a byte of JSON may take. What tlsync writes
	// takes less than 2; null in place of a change took over a hundred.
	maxGrowth = 4
	// freeGrowth is memory that any file may take.
	freeGrowth = 1 << 20
)

// budget holds the memory that the items of a list take against the size of their text.
type budget struct{ memory, text int64 }

// spend counts an item that takes some bytes of memory and was read from some of text.
func (b *budget) spend(memory uintptr, text int) error {
	b.memory += int64(memory)
	b.text += int64(text)
	if b.memory > maxGrowth*b.text+freeGrowth {
		return errors.New("there are many items with hardly anything in them, so tlsync did not write this")
	}
	return nil
}

// readItem returns the text of the next item of a list. Its size is checked before the
// item is decoded, which takes many times the memory.
func readItem(dec *json.Decoder) (json.RawMessage, error) {
	var text json.RawMessage
	if err := dec.Decode(&text); err != nil {
		return nil, err
	}
	if len(text) > maxItem {
		return nil, fmt.Errorf("it has %d bytes, more than %d MiB", len(text), maxItem>>20)
	}
	return text, nil
}

// sizeOf returns the memory that a change takes, apart from its texts.
func sizeOf(c *plan.Change) uintptr {
	changed := uintptr(0)
	for i := range c.Edits {
		if by := c.Edits[i].Changed; by != nil {
			changed += unsafe.Sizeof(*by) + uintptr(len(by.By))*unsafe.Sizeof(plan.Actor{})
		}
	}
	return unsafe.Sizeof(*c) + changed + uintptr(len(c.Edits))*unsafe.Sizeof(plan.Edit{}) + uintptr(len(c.Needs))*unsafe.Sizeof(plan.Ref{}) +
		uintptr(len(c.Hazards))*unsafe.Sizeof(plan.Hazard{}) + uintptr(len(c.Reasons))*unsafe.Sizeof("")
}
