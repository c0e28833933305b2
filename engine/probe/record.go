package probe

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// alertError is an alert that the server sent.
type alertError struct{ code byte }

// Error names the alerts that servers refuse with.
func (e alertError) Error() string {
	names := map[byte]string{
		40: "handshake failure", 47: "illegal parameter", 70: "protocol version not supported", 71: "insufficient security level",
		80: "internal error", 86: "inappropriate fallback", 112: "unrecognized name", 116: "certificate required",
	}
	if name, ok := names[e.code]; ok {
		return name
	}
	return fmt.Sprintf("alert %d", e.code)
}

// records is the record layer of a mini client.
type records struct {
	conn    *witness
	out, in *cbc         // nil while nothing is encrypted
	data    bytes.Buffer // that the caller has not read yet
}

const recordChangeCipher = 20

func (r *records) writeRecord(kind byte, b []byte) error {
	if r.out != nil {
		b = r.out.seal(kind, b)
	}
	_, err := r.conn.Write(join([]byte{kind, 3, 3}, vector(2, b)))
	return err
}

func (r *records) readRecord() (kind byte, b []byte, err error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(r.conn, header); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(header[3:]))
	if n > 1<<14+2048 || header[1] != 3 {
		return 0, nil, errors.New("the answer is not TLS")
	}
	b = make([]byte, n)
	if _, err := io.ReadFull(r.conn, b); err != nil {
		return 0, nil, err
	}

	if r.in != nil {
		if b, err = r.in.open(header[0], b); err != nil {
			return 0, nil, err
		}
	}
	if header[0] == recordAlert && len(b) >= 2 {
		if b[1] == 0 { // close_notify
			return 0, nil, io.EOF
		}
		return 0, nil, alertError{b[1]}
	}
	return header[0], b, nil
}

// cbc encrypts or decrypts records in one direction, as RFC 5246, section 6.2.3.2, says.
type cbc struct {
	block cipher.Block
	mac   hash.Hash
	seq   uint64
}

func (s *cbc) sum(kind byte, b []byte) []byte {
	s.mac.Reset()
	s.mac.Write(binary.BigEndian.AppendUint64(nil, s.seq))
	s.mac.Write(join([]byte{kind, 3, 3}, vector(2, b)))
	s.seq++
	return s.mac.Sum(nil)
}

func (s *cbc) seal(kind byte, b []byte) []byte {
	iv := make([]byte, 16)
	_, _ = rand.Read(iv) // never fails

	p := join(b, s.sum(kind, b))
	n := 16 - len(p)%16
	p = append(p, bytes.Repeat([]byte{byte(n - 1)}, n)...)
	cipher.NewCBCEncrypter(s.block, iv).CryptBlocks(p, p)
	return append(iv, p...)
}

func (s *cbc) open(kind byte, b []byte) ([]byte, error) {
	if len(b) < 32 || len(b)%16 != 0 {
		return nil, errors.New("a record has a wrong length")
	}

	p := b[16:]
	cipher.NewCBCDecrypter(s.block, b[:16]).CryptBlocks(p, p)
	n := len(p) - 1 - int(p[len(p)-1]) - s.mac.Size()
	if n < 0 {
		return nil, errors.New("a record has a wrong padding")
	}
	if !hmac.Equal(p[n:n+s.mac.Size()], s.sum(kind, p[:n])) {
		return nil, errors.New("a record has a wrong MAC")
	}
	return p[:n], nil
}

// vector returns bytes after their length, which takes n bytes.
func vector(n int, b []byte) []byte {
	length := binary.BigEndian.AppendUint64(nil, uint64(len(b)))
	return append(length[8-n:], b...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// words returns numbers of two bytes.
func words(values ...uint16) (out []byte) {
	for _, v := range values {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

// extension returns one extension of a hello.
func extension(id uint16, body []byte) []byte { return join(words(id), vector(2, body)) }
