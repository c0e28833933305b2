package cloudflare

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"tlsync/engine/plan"
)

// withKey is the body of a request as it is sent. A plan only names the
// environment variable that a private key is in, as "private_key":
// {"env": "NAME"}; here the key itself takes that place. An error means that
// nothing can be sent, and shows no key.
func withKey(c *plan.Change, body plan.RawMessage, keys map[string]string) ([]byte, error) {
	if !uploads(c) || body == "" {
		return []byte(body), nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		return nil, fmt.Errorf("%s: the body is not an object", c.Ref)
	}
	var from struct{ Env string }
	if json.Unmarshal(members["private_key"], &from) != nil || from.Env == "" {
		return nil, fmt.Errorf("%s: the request does not say which environment variable holds the private key", c.Ref)
	}
	key := keys[from.Env]
	if strings.TrimSpace(key) == "" {
		return nil, fmt.Errorf("%s: the environment variable %s, which is to hold the private key, is not set", c.Ref, from.Env)
	}
	if block, _ := pem.Decode([]byte(key)); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, fmt.Errorf("%s: the environment variable %s does not hold a private key in PEM form", c.Ref, from.Env)
	}
	quoted, err := json.Marshal(key)
	if err != nil {
		return nil, fmt.Errorf("%s: the environment variable %s does not hold a private key in PEM form", c.Ref, from.Env)
	}
	members["private_key"] = quoted
	return json.Marshal(members)
}

// uploads reports whether a change sends a certificate with its private key.
func uploads(c *plan.Change) bool {
	return c.Kind == plan.KindZone && c.ObjectID == plan.OriginPullsCertificates
}
