package crash_test

import (
	"errors"
	"strings"
	"testing"

	"tlsync/engine/crash"
)

func TestGuard(t *testing.T) {
	plain := errors.New("an error")
	if err := crash.Guard(func() error { return plain })(); err != plain {
		t.Errorf("an ordinary error became %v", err)
	}
	if err := crash.Guard(func() error { return nil })(); err != nil {
		t.Errorf("success became %v", err)
	}
	empty := []int{}
	err := crash.Guard(func() error { empty[len(empty)] = 1; return nil })()
	var c *crash.Error
	if !errors.As(err, &c) {
		t.Fatalf("a panic became %v", err)
	}
	if want := "panic: runtime error: index out of range [0] with length 0"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
	if !strings.Contains(strings.Join(c.Frames, "\n"), "TestGuard") {
		t.Errorf("the frames do not lead here: %q", c.Frames)
	}
	type secret struct{ token string }
	if err := crash.Guard(func() error { panic(secret{"hunter2"}) })(); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the value is printed: %v", err)
	}
}
