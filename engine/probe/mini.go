package probe

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// oddSuite is a suite that crypto/tls lacks. All of them encrypt with AES-256 in CBC mode.
type oddSuite struct {
	id    uint16
	ecdhe bool             // else the key exchange is RSA
	hash  func() hash.Hash // of the key derivation and of the records
}

func oddSuiteOf(name string) oddSuite {
	return map[string]oddSuite{
		"ECDHE-ECDSA-AES256-SHA384": {0xc024, true, sha512.New384},
		"ECDHE-RSA-AES256-SHA384":   {0xc028, true, sha512.New384},
		"AES256-SHA256":             {0x003d, false, sha256.New},
	}[name]
}

// mini is a TLS 1.2 client for the suites that crypto/tls lacks. It checks the Finished message
// of the server, but no certificate and no signature.
type mini struct {
	records
	suite      oddSuite
	transcript bytes.Buffer
	pending    bytes.Buffer // handshake bytes that are not used yet
	random     []byte
	wantCert   bool
}

func newMini(conn *witness, suite string) *mini {
	c := &mini{records: records{conn: conn}, suite: oddSuiteOf(suite), random: make([]byte, 32)}
	_, _ = rand.Read(c.random) // never fails
	return c
}

// flight is what the server sends between its hello and the end of it.
type flight struct {
	random []byte
	leaf   *x509.Certificate
	// peer is the server's key of an ECDHE exchange.
	curve ecdh.Curve
	peer  *ecdh.PublicKey
}

// handshake completes a handshake.
func (c *mini) handshake(serverName string) error {
	if err := c.write(clientHello, c.hello(serverName)); err != nil {
		return err
	}
	f, err := c.serverFlight()
	if err != nil {
		return err
	}
	if c.wantCert {
		if err := c.write(certificate, vector(3, nil)); err != nil {
			return err
		}
	}

	secret, share, err := c.keyExchange(f)
	if err != nil {
		return err
	}
	if err := c.write(clientKeyExchange, share); err != nil {
		return err
	}
	return c.finish(c.prf(secret, "master secret", join(c.random, f.random), 48), f)
}

// Further types of handshake messages.
const (
	newSessionTicket   = 4
	certificate        = 11
	serverKeyExchange  = 12
	certificateRequest = 13
	serverHelloDone    = 14
	clientKeyExchange  = 16
	finished           = 20
)

// hello returns a ClientHello that offers the suite and no other.
func (c *mini) hello(serverName string) []byte {
	extensions := join(
		extension(0, vector(2, join([]byte{0}, vector(2, []byte(serverName))))), // server_name
		extension(10, vector(2, words(29, 23, 24))),                             // groups: x25519, P-256, P-384
		extension(11, vector(1, []byte{0})),                                     // uncompressed points
		extension(13, vector(2, words(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201, 0x0203))),
		extension(16, vector(2, vector(1, []byte("http/1.1")))), // application protocols
		extension(0xff01, []byte{0}),                            // renegotiation_info
	)
	return join([]byte{3, 3}, c.random, []byte{0}, vector(2, words(c.suite.id)), []byte{1, 0}, vector(2, extensions))
}

// serverFlight reads until the server is done.
func (c *mini) serverFlight() (*flight, error) {
	f := &flight{}
	for {
		kind, body, err := c.read()
		if err != nil {
			return nil, err
		}
		switch kind {
		case serverHello:
			err = c.readHello(f, body)
		case certificate:
			err = f.readCertificate(body)
		case serverKeyExchange:
			err = f.readKeyExchange(body)
		case certificateRequest:
			c.wantCert = true
		case serverHelloDone:
			return f, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (c *mini) readHello(f *flight, b []byte) error {
	if len(b) < 38 || b[0] != 3 || b[1] != 3 {
		return errors.New("the server chose another version")
	}
	f.random = b[2:34]
	if at := 35 + int(b[34]); len(b) < at+2 || binary.BigEndian.Uint16(b[at:]) != c.suite.id {
		return errors.New("the server chose another suite")
	}
	return nil
}

func (f *flight) readCertificate(b []byte) (err error) {
	if len(b) < 6 {
		return errors.New("the server sent no certificate")
	}
	n := int(b[3])<<16 | int(b[4])<<8 | int(b[5])
	if len(b) < 6+n {
		return errors.New("the certificate is cut off")
	}
	f.leaf, err = x509.ParseCertificate(b[6 : 6+n])
	return err
}

// readKeyExchange reads the server's key. Its signature is not checked.
func (f *flight) readKeyExchange(b []byte) (err error) {
	if len(b) < 4 || b[0] != 3 || len(b) < 4+int(b[3]) {
		return errors.New("unknown key exchange")
	}
	curves := map[uint16]ecdh.Curve{29: ecdh.X25519(), 23: ecdh.P256(), 24: ecdh.P384()}
	if f.curve = curves[binary.BigEndian.Uint16(b[1:])]; f.curve == nil {
		return errors.New("the server chose a group that was not offered")
	}
	f.peer, err = f.curve.NewPublicKey(b[4 : 4+int(b[3])])
	return err
}

// keyExchange returns the secret that both sides share, and what tells it to the server.
func (c *mini) keyExchange(f *flight) (secret, share []byte, err error) {
	if f.random == nil {
		return nil, nil, errors.New("the server sent no hello")
	}
	if c.suite.ecdhe {
		if f.peer == nil {
			return nil, nil, errors.New("the server sent no key")
		}
		key, err := f.curve.GenerateKey(rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		secret, err = key.ECDH(f.peer)
		return secret, vector(1, key.PublicKey().Bytes()), err
	}

	if f.leaf == nil {
		return nil, nil, errors.New("the server sent no certificate")
	}
	key, ok := f.leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, nil, errors.New("the certificate has no RSA key")
	}
	secret = make([]byte, 48)
	_, _ = rand.Read(secret)
	secret[0], secret[1] = 3, 3
	//lint:ignore SA1019 the key exchange of TLS 1.2 has no other padding, and no secret is at stake
	encrypted, err := rsa.EncryptPKCS1v15(rand.Reader, key, secret)
	return secret, vector(2, encrypted), err
}

// finish turns encryption on, and exchanges and checks the Finished messages.
func (c *mini) finish(master []byte, f *flight) error {
	m := c.suite.hash().Size()
	keys := c.prf(master, "key expansion", join(f.random, c.random), 2*m+64)
	half := func(mac, key []byte) *cbc {
		block, _ := aes.NewCipher(key) // of 32 bytes
		return &cbc{block: block, mac: hmac.New(c.suite.hash, mac)}
	}

	if err := c.writeRecord(recordChangeCipher, []byte{1}); err != nil {
		return err
	}
	c.out = half(keys[:m], keys[2*m:2*m+32])
	if err := c.write(finished, c.prf(master, "client finished", c.digest(), 12)); err != nil {
		return err
	}
	if err := c.untilEncrypted(); err != nil {
		return err
	}

	c.in = half(keys[m:2*m], keys[2*m+32:])
	want := c.prf(master, "server finished", c.digest(), 12)
	kind, body, err := c.read()
	switch {
	case err != nil:
		return err
	case kind != finished || !hmac.Equal(body, want):
		return errors.New("the server's Finished message is wrong")
	}
	return nil
}

// untilEncrypted reads until the server turns encryption on.
func (c *mini) untilEncrypted() error {
	for {
		kind, body, err := c.readRecord()
		switch {
		case err != nil:
			return err
		case kind == recordChangeCipher:
			return nil
		case kind != recordHandshake || len(body) == 0 || body[0] != newSessionTicket:
			return fmt.Errorf("unexpected record of type %d", kind)
		}
		c.transcript.Write(body)
	}
}

// prf is the function of RFC 5246, section 5, with the suite's hash.
func (c *mini) prf(secret []byte, label string, seed []byte, n int) (out []byte) {
	seed = append([]byte(label), seed...)
	mac := func(b []byte) []byte {
		m := hmac.New(c.suite.hash, secret)
		m.Write(b)
		return m.Sum(nil)
	}
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(join(a, seed))...)
	}
	return out[:n]
}

// digest returns the hash of all handshake messages so far.
func (c *mini) digest() []byte {
	h := c.suite.hash()
	h.Write(c.transcript.Bytes())
	return h.Sum(nil)
}

// write sends a handshake message.
func (c *mini) write(kind byte, body []byte) error {
	m := join([]byte{kind}, vector(3, body))
	c.transcript.Write(m)
	return c.writeRecord(recordHandshake, m)
}

// maxMessage is the longest handshake message that is read; certificates are shorter.
const maxMessage = 1 << 18

// read returns the next handshake message.
func (c *mini) read() (byte, []byte, error) {
	for {
		if b := c.pending.Bytes(); len(b) >= 4 {
			n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
			if n > maxMessage {
				return 0, nil, errors.New("a handshake message is too long")
			}
			if len(b) >= 4+n {
				m := slices.Clone(c.pending.Next(4 + n))
				c.transcript.Write(m)
				return m[0], m[4:], nil
			}
		}

		kind, body, err := c.readRecord()
		if err != nil {
			return 0, nil, err
		}
		if kind != recordHandshake {
			return 0, nil, fmt.Errorf("unexpected record of type %d", kind)
		}
		c.pending.Write(body)
	}
}

// Write sends data, once the handshake is complete.
func (c *mini) Write(b []byte) (int, error) { return len(b), c.writeRecord(recordData, b) }

// Read returns data, once the handshake is complete.
func (c *mini) Read(b []byte) (int, error) {
	for c.data.Len() == 0 {
		kind, body, err := c.readRecord()
		if err != nil {
			return 0, err
		}
		if kind == recordData {
			c.data.Write(body)
		}
	}
	return c.data.Read(b)
}
