package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"tlsync/engine/plan"
)

// MaxSize is the largest size of a file with a plan, a receipt or a review, in bytes. More
// is neither read nor written. A plan of 50,000 changes has some 50 MiB.
const MaxSize = 256 << 20

// SavePlan writes a plan as PlanJSON does, to a file. It fails for a plan that is too large
// to be read back.
func SavePlan(w io.Writer, p *plan.Plan) error { return savePlan(w, p, MaxSize) }

func savePlan(w io.Writer, p *plan.Plan, most int64) error {
	_, err := writePlan(&limited{w, most, most}, p)
	return err
}

// limited is a writer that takes so many bytes.
type limited struct {
	io.Writer
	left, most int64
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= int64(len(b)); l.left < 0 {
		return 0, fmt.Errorf("it is larger than %d MiB, the most that can be read back: plan some of the zones at a time, with --zone", l.most>>20)
	}
	return l.Writer.Write(b)
}

// crowded reports whether a JSON text has more values than its size explains. Every value
// takes memory, however short it is: {},{},… would take hundreds of bytes for each of its
// own. A change has some eight objects and thirty values in a thousand bytes; a request
// may hold shorter ones.
func crowded(text []byte) bool {
	objects, commas, quoted := 200_000+len(text)/64, 1_000_000+len(text)/8, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			objects--
		case c == ',':
			commas--
		}
	}
	return objects < 0 || commas < 0
}

// errCrowded refuses a file by its count of values.
var errCrowded = errors.New("it holds more values than its size explains, so tlsync did not write it")

// smallPlan is a size up to which a plan is decoded whatever its layout is: one that was
// laid out anew is still the same plan, which Intact finds out.
const smallPlan = 8 << 20

// checksumFits reports whether a plan ends with the checksum of the text before it.
func checksumFits(text []byte) bool {
	const member = `"checksum": "`
	at := bytes.LastIndex(text, []byte(member))
	if at < 0 {
		return false
	}
	covered := bytes.TrimSuffix(text[:at], []byte("  ")) // up to the line that holds it
	sum := sha256.Sum256(covered)
	return string(text[at+len(member):]) == "sha256:"+hex.EncodeToString(sum[:])+"\"\n}\n"
}

// bounded refuses a text that must not be decoded.
func bounded(text []byte) error {
	switch {
	case len(text) > MaxSize:
		return fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	case crowded(text):
		return errCrowded
	case len(text) > smallPlan && !checksumFits(text):
		return errors.New("the checksum does not match its content: the file was edited or damaged; make the plan again")
	}
	return nil
}
