package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"tlsync/engine/plan"
)

// MaxSize is the largest size of a file with a plan, a receipt or a review, in bytes, for
// reading and for writing. A plan of 50,000 changes has some 50 MiB.
const MaxSize = 256 << 20

const (
	// maxItem is the largest size of a change or a finding, in bytes of JSON.
	maxItem = 4 << 20
	// maxGrowth is how many bytes of memory a byte of JSON may take. What tlsync writes
	// takes less than 2, and {} in place of a change took 400.
	maxGrowth = 4
	// freeGrowth is memory that any file may take.
	freeGrowth = 1 << 20
)

// errTooLarge says that a file would be larger than what is read.
var errTooLarge = fmt.Errorf("it would be larger than %d MiB, and could not be read back; plan fewer zones at once, with --zone", MaxSize>>20)

// SavePlan is PlanJSON for a file that is to be read back: a plan that ReadPlan would not
// read is an error.
func SavePlan(w io.Writer, p *plan.Plan) error {
	return PlanJSON(&limited{w, MaxSize}, p)
}

// limited is a writer that refuses to write more than left bytes.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(b []byte) (int, error) {
	if int64(len(b)) > l.left {
		return 0, errTooLarge
	}
	n, err := l.w.Write(b)
	l.left -= int64(n)
	return n, err
}

// CheckSum checks the checksum of a plan as PlanJSON wrote it, before anything of the
// text is decoded. For a text that is laid out in another way, or that is of another
// version, it returns nil: ReadPlan and Intact judge those.
func CheckSum(text []byte) error {
	const head, member, tail = "{\n  \"format_version\": \"" + plan.FormatVersion + "\",\n", "\n  \"checksum\": \"sha256:", "\"\n}\n"
	digits := 2 * sha256.Size
	at := len(text) - len(member) - digits - len(tail)
	if at < 0 || !bytes.HasPrefix(text, []byte(head)) || !bytes.HasSuffix(text, []byte(tail)) || !bytes.HasPrefix(text[at:], []byte(member)) {
		return nil
	}

	sum := sha256.Sum256(text[:at+1])
	if written := text[at+len(member):][:digits]; hex.EncodeToString(sum[:]) != string(written) {
		return ErrChanged
	}
	return nil
}

// ErrChanged says that the text of a plan is not the one that was saved.
var ErrChanged = errors.New("the checksum does not match its content: the file was edited or damaged; make the plan again")

// budget holds the memory that a file takes against its size.
type budget struct{ memory, text int64 }

// spend counts an item that took some bytes of memory and was read from some of text.
func (b *budget) spend(memory uintptr, text int) error {
	b.memory += int64(memory)
	b.text += int64(text)
	if b.memory > maxGrowth*b.text+freeGrowth {
		return errors.New("there are many items with hardly anything in them; tlsync did not write this")
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
	return unsafe.Sizeof(*c) + uintptr(len(c.Edits))*unsafe.Sizeof(plan.Edit{}) + uintptr(len(c.Needs))*unsafe.Sizeof(plan.Ref{}) +
		uintptr(len(c.Hazards))*unsafe.Sizeof(plan.Hazard{}) + uintptr(len(c.Reasons))*unsafe.Sizeof("")
}
