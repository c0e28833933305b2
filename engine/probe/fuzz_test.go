package probe

import (
	"io"
	"net"
	"testing"
	"time"

	"tlsync/engine/probe/compare"
)

// FuzzMini plays a server that sends anything: the client neither panics nor hangs, and never
// takes it for a completed handshake.
func FuzzMini(f *testing.F) {
	f.Add([]byte{recordAlert, 3, 3, 0, 2, 2, 40})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add(join([]byte{recordHandshake, 3, 3}, vector(2, join([]byte{serverHello}, vector(3, join([]byte{3, 3}, make([]byte, 33), words(0x003d), []byte{0}))))))
	f.Add(join([]byte{recordHandshake, 3, 3}, vector(2, join([]byte{certificate}, vector(3, vector(3, vector(3, []byte{0x30})))))))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, suite := range compare.Odd() {
			client, server := net.Pipe()
			_ = client.SetDeadline(time.Now().Add(10 * time.Second))
			go func() { _, _ = io.Copy(io.Discard, server) }()
			go func() { _, _ = server.Write(answer); _ = server.Close() }()
			seen := &witness{Conn: client}
			conn := newMini(seen, suite)
			if err := conn.handshake("app.test"); err == nil {
				t.Errorf("%x completes a handshake", answer)
			}
			seen.chosen()
			_ = client.Close()
		}
	})
}

// FuzzStatus reads any line as a status line.
func FuzzStatus(f *testing.F) {
	for _, line := range []string{"HTTP/1.1 200 OK\r\n", "HTTP/1.1 99 x", "HTTP/9", "220 mail ESMTP", "HTTP/1.1 -20"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if status, ok := statusOf(line); ok && (status < 100 || status > 599) {
			t.Errorf("%q: %d", line, status)
		}
	})
}
