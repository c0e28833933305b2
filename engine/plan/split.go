package plan

// Split divides a scope into what names an account, and the rest.
func (s Scope) Split(account string) (of, rest Scope) {
	for _, z := range s.Zones {
		to := &rest
		if z.Account == account {
			to = &of
		}
		to.Zones = append(to.Zones, z)
	}

	for _, a := range s.Accounts {
		to := &rest
		if a.Name == account {
			to = &of
		}
		to.Accounts = append(to.Accounts, a)
	}
	return of, rest
}
