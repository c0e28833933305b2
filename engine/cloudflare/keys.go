package cloudflare

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"tlsync/engine/plan"
)

// withKey returns the body of a request as it is sent. A plan contains only the
// name of the environment variable that holds a private key, as "private_key":
// {"env": "NAME"}; withKey puts the key in that place. If it returns an error,
// nothing can be sent, and the error does not contain a key.
func withKey(c *plan.Change, body plan.RawMessage, keys map[string]string) ([]byte, error) {
	if !uploads(c) || body == "" {
		return []byte(body), nil
	}

	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		return nil, fmt.Errorf("%s: the body is not an object", c.Ref)
	}
	env := plan.KeyEnv(members[plan.PrivateKey])
	if env == "" {
		return nil, fmt.Errorf("%s: the request does not say which environment variable holds the private key", c.Ref)
	}

	key := keys[env]
	if strings.TrimSpace(key) == "" {
		return nil, fmt.Errorf("%s: the environment variable %s is not set; it must hold the private key", c.Ref, env)
	}
	if block, _ := pem.Decode([]byte(key)); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, fmt.Errorf("%s: the environment variable %s does not hold a private key in PEM form", c.Ref, env)
	}

	quoted, err := json.Marshal(key)
	if err != nil {
		return nil, fmt.Errorf("%s: the environment variable %s does not hold a private key in PEM form", c.Ref, env)
	}
	members[plan.PrivateKey] = quoted
	return json.Marshal(members)
}

// uploads reports whether a change uploads a certificate with its private key.
func uploads(c *plan.Change) bool {
	return c.Kind == plan.KindZone && c.ObjectID == plan.OriginPullsCertificates
}
