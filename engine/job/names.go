package job

import (
	"fmt"

	"tlsync/schema"
)

// knownNames returns an error if a configuration names an environment variable that its
// base does not name. A pull request must not choose which secret of a job is read: it
// would be sent before anybody has reviewed the line.
func knownNames(head, base *schema.Desired) error {
	tokens, keys := map[string]bool{"CLOUDFLARE_API_TOKEN": true}, map[string]bool{}
	if base != nil {
		for _, a := range base.Accounts {
			tokens[a.APITokenEnv.Value] = true
		}
		for _, z := range base.Zones {
			for _, c := range z.OriginCertificates {
				keys[c.KeyEnv] = true
			}
		}
	}

	for _, a := range head.Accounts {
		if name := a.APITokenEnv; name.Set && !tokens[name.Value] {
			return newName(name.Pos, "api_token_env", name.Value)
		}
	}
	for _, z := range head.Zones {
		for _, c := range z.OriginCertificates {
			if c.ID == "" && !keys[c.KeyEnv] {
				return newName(c.Pos, "key_env", c.KeyEnv)
			}
		}
	}
	return nil
}

func newName(at schema.Pos, key, name string) error {
	return fmt.Errorf("%s: %s names %s, which the base does not name: a pull request does not choose which secrets are read; merge this line first, or keep the name of the base", at, key, name)
}
