package plan

// Changed says who made a setting differ, as far as the audit log of its account tells. The
// texts are foreign.
type Changed struct {
	// By made the last logged change. It has several items if the log has several changes at
	// that very time, and none if nobody else's is there.
	By []Actor `json:"by"`
	// At is the time of that change.
	At string `json:"at,omitempty"`
	// Old and New are the values before and after it; empty where the log has none.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Earlier is how many changes by others the log has before it.
	Earlier int `json:"earlier,omitempty"`
	// Own is the time of the last change by the token of this run, if that came after At;
	// else it is empty.
	Own string `json:"own,omitempty"`
	// Since and Before are the period that was searched.
	Since  string `json:"since"`
	Before string `json:"before"`
}

// Actor is somebody who changed something, as the audit log has it.
type Actor struct {
	Email string `json:"email,omitempty"`
	// Way is Cloudflare's word: dash, api_token, oauth, api_key, …
	Way string `json:"way,omitempty"`
	// Token is the name of the API token, or its id.
	Token string `json:"token,omitempty"`
	// Cloudflare says that it was Cloudflare itself, and no user of the account.
	Cloudflare bool   `json:"cloudflare,omitempty"`
	Ray        string `json:"ray,omitempty"`
}
