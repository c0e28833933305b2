package plan

import "testing"

func TestMessagesNameTheirObjectByData(t *testing.T) {
	c := Change{Ref: ZoneRef("z.example").CustomHostname("a")}
	c.AddHazard(CutsOffClients, "clients of "+This+" no longer connect")
	f := Finding{Ref: c.Ref}
	f.Say(This + " is left as it is")
	for _, m := range []struct{ message, pattern, want, wantPattern string }{
		{c.Hazards[0].Message, c.Hazards[0].Pattern("a"), "clients of a no longer connect", "clients of " + This + " no longer connect"},
		{f.Message, f.Pattern("a"), "a is left as it is", This + " is left as it is"},
	} {
		if m.message != m.want || m.pattern != m.wantPattern {
			t.Errorf("message %q, pattern %q; want %q, %q", m.message, m.pattern, m.want, m.wantPattern)
		}
	}

	read := Hazard{Message: "clients of app.test no longer connect"}
	if got := read.Pattern("app.test"); got != "clients of "+This+" no longer connect" {
		t.Errorf("without a template the pattern is %q", got)
	}
	if got := read.Pattern(""); got != read.Message {
		t.Errorf("without a name the pattern is %q", got)
	}
}
