package account

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// expiryAlert is the type of alert that tells of certificate authorities that
// expire.
const expiryAlert schema.Value = `"access_custom_certificate_expiration_type"`

// alertFields are the fields of an alert in the order in which edits stand. It is
// read only.
var alertFields = []string{plan.FieldAlertType, plan.FieldEnabled, plan.FieldDescription, plan.FieldEmail, plan.FieldWebhooks, plan.FieldPagerDuty}

// alerts plans the notification policies of the account.
func (w *accountWork) alerts() {
	if !w.readable(plan.KindAlert) {
		return
	}
	for i := range w.want.Alerts {
		a := &w.want.Alerts[i]
		live, known := w.liveAlert(a)
		switch {
		case !known:
		case a.Absent && live != nil:
			w.deleteAlert(a, live)
		case !a.Absent:
			w.alert(a, live)
		}
	}
}

func alertOrigin(a *schema.Alert, p schema.Pos) plan.Origin {
	return plan.Origin{Pos: p, Via: "alert " + a.Name.Value}
}

// liveAlert is the alert of a name, nil if there is none; known is false where
// there are several and it cannot be told which is meant.
func (w *accountWork) liveAlert(a *schema.Alert) (live *plan.Resource, known bool) {
	live, named := w.alertNamed(a)
	if live != nil || named == 0 {
		return live, true
	}
	w.tell(schema.Warning, plan.NotEditable, w.object(plan.KindAlert, a.Name.Value), fmt.Sprintf(
		"alert %s is left as it is: account %s has %d of that name, and the type does not tell which is meant", a.Name.Value, w.live.Name, named), alertOrigin(a, a.Name.Pos))
	return nil, false
}

// alertNamed is the live alert that one of the configuration is about, and how many
// have its name: of several it is the only one of the type, else nil.
func (w *accountWork) alertNamed(a *schema.Alert) (live *plan.Resource, named int) {
	alike := 0
	var only *plan.Resource
	for i := range w.live.Alerts {
		l := &w.live.Alerts[i]
		if l.Name != a.Name.Value {
			continue
		}
		live = l
		named++
		if l.Value(plan.FieldAlertType) == schema.StringValue(a.Type.Value) {
			only = l
			alike++
		}
	}
	switch {
	case named < 2:
		return live, named
	case alike == 1:
		return only, named
	}
	return nil, named
}

// asked is what an alert asks of its fields; one that is not in it is not
// managed. It is false where a destination cannot be found, which tell is told.
func (w *accountWork) asked(a *schema.Alert, tell func(sev schema.Severity, rule, message string, p schema.Pos)) (map[string]schema.Value, bool) {
	out := map[string]schema.Value{plan.FieldAlertType: schema.StringValue(a.Type.Value), plan.FieldEnabled: "true"}
	if a.Enabled.Set && !a.Enabled.Value {
		out[plan.FieldEnabled] = "false"
	}
	if a.Description.Set {
		out[plan.FieldDescription] = schema.Inherit
		if a.Description.Value != "" {
			out[plan.FieldDescription] = schema.StringValue(a.Description.Value)
		}
	}
	if a.Email.Set {
		out[plan.FieldEmail] = plan.ListField(slices.Compact(slices.Sorted(slices.Values(a.Email.Value))))
	}
	found := true
	for _, d := range []struct {
		field, noun string
		names       schema.Field[[]string]
		live        []plan.Destination
	}{
		{plan.FieldWebhooks, "webhook", a.Webhooks, w.live.Webhooks},
		{plan.FieldPagerDuty, "PagerDuty service", a.PagerDuty, w.live.PagerDuty},
	} {
		if !d.names.Set {
			continue
		}
		var ids []string
		for _, name := range d.names.Value {
			id, sev, rule, why := destination(d.live, name)
			if why != "" {
				tell(sev, rule, fmt.Sprintf("%s %s %s", d.noun, name, why), d.names.Pos)
				found = false
				continue
			}
			ids = append(ids, id)
		}
		slices.Sort(ids)
		out[d.field] = plan.ListField(slices.Compact(ids))
	}
	return out, found
}

// destination is the id of a destination that is given by its name or id, or why
// it cannot be told.
func destination(live []plan.Destination, name string) (id string, sev schema.Severity, rule, why string) {
	for _, d := range live {
		switch {
		case d.ID == name:
			return d.ID, "", "", ""
		case d.Name != name:
		case id != "":
			return "", schema.Error, plan.NotFound, "is the name of several; write the id of the one that is meant"
		default:
			id = d.ID
		}
	}
	switch {
	case live == nil:
		return "", schema.Error, plan.Unreadable, "cannot be looked up: those of the account could not be read"
	case id == "":
		return "", schema.Error, plan.NotFound, "does not exist in the account"
	}
	return id, "", "", ""
}

// alert makes an alert, or makes a live one what is asked.
func (w *accountWork) alert(a *schema.Alert, live *plan.Resource) {
	object := w.object(plan.KindAlert, a.Name.Value)
	if w.live.AlertTypes != nil && !slices.Contains(w.live.AlertTypes, a.Type.Value) {
		w.tell(schema.Warning, plan.NotEditable, object, fmt.Sprintf("alert %s is left as it is: account %s is not entitled to alerts of type %s",
			a.Name.Value, w.live.Name, a.Type.Value), alertOrigin(a, a.Type.Pos))
		return
	}
	asked, ok := w.asked(a, func(sev schema.Severity, rule, message string, p schema.Pos) {
		w.tell(sev, rule, object, fmt.Sprintf("alert %s is left as it is: %s", a.Name.Value, message), alertOrigin(a, p))
	})
	if !ok {
		return
	}
	c := plan.Change{ID: object, Kind: plan.KindAlert, Name: a.Name.Value, Action: plan.Create}
	over, now := plan.Object{Absent: true}, plan.Resource{}
	if live != nil {
		c.Action, c.ObjectID = plan.Update, live.ID
		over, now = plan.Object{Resource: live}, *live
	}
	at := map[string]schema.Pos{
		plan.FieldAlertType: a.Type.Pos, plan.FieldEnabled: a.Enabled.Pos, plan.FieldDescription: a.Description.Pos,
		plan.FieldEmail: a.Email.Pos, plan.FieldWebhooks: a.Webhooks.Pos, plan.FieldPagerDuty: a.PagerDuty.Pos,
	}
	if !a.Enabled.Set {
		at[plan.FieldEnabled] = a.Name.Pos
	}
	for _, field := range alertFields {
		from := now.Value(field)
		if to, managed := asked[field]; managed && from != to {
			c.Edits = append(c.Edits, w.edit(field, from, to, w.alertCause(a, field, to, from), alertDirection(field, to, from), alertOrigin(a, at[field])))
		}
	}
	if len(c.Edits) == 0 {
		return
	}
	n := w.add(c, over)
	tells := func(kind, enabled schema.Value) bool { return kind == expiryAlert && enabled == "true" }
	before := tells(now.Value(plan.FieldAlertType), now.Value(plan.FieldEnabled))
	after := tells(asked[plan.FieldAlertType], asked[plan.FieldEnabled])
	switch {
	case after && !before:
		w.did(step{deed: watch, node: n})
	case before && !after:
		w.did(step{deed: unwatch, node: n})
	}
}

// alertDirection is what an edit does to protection: nobody is told of what
// happens by an alert that is off.
func alertDirection(field string, to, from schema.Value) schema.Direction {
	switch {
	case field == plan.FieldEnabled && to == "true":
		return schema.Strengthens
	case field == plan.FieldEnabled && from == "true":
		return schema.Weakens
	}
	return schema.Changes
}

func (w *accountWork) alertCause(a *schema.Alert, field string, to, from schema.Value) plan.Cause {
	b := w.baseAlert(a)
	switch {
	case b == nil:
		return w.cause("", to, from)
	case b.Absent:
		return w.cause(schema.Inherit, to, from)
	}
	// What the base names and is no longer there was told of when it was head.
	asked, _ := w.asked(b, func(schema.Severity, string, string, schema.Pos) {})
	return w.cause(asked[field], to, from)
}

// baseAlert is what the base asks of an alert, nil if nothing.
func (w *accountWork) baseAlert(a *schema.Alert) *schema.Alert {
	if w.base == nil {
		return nil
	}
	for i := range w.base.Alerts {
		if w.base.Alerts[i].Name.Value == a.Name.Value {
			return &w.base.Alerts[i]
		}
	}
	return nil
}

func (w *accountWork) deleteAlert(a *schema.Alert, live *plan.Resource) {
	kind := live.Value(plan.FieldAlertType)
	cause := w.cause("", schema.Inherit, kind)
	if b := w.baseAlert(a); b != nil && b.Absent {
		cause = w.cause(schema.Inherit, schema.Inherit, kind)
	} else if b != nil {
		cause = w.cause(kind, schema.Inherit, kind)
	}
	n := w.add(plan.Change{
		ID: w.object(plan.KindAlert, a.Name.Value), Kind: plan.KindAlert, Name: a.Name.Value, Action: plan.Delete, ObjectID: live.ID,
		Edits: []plan.Edit{w.edit(plan.FieldAlertType, kind, schema.Inherit, cause, schema.Changes, alertOrigin(a, a.Name.Pos))},
	}, plan.Object{Resource: live})
	if kind == expiryAlert && live.Value(plan.FieldEnabled) == "true" {
		w.did(step{deed: unwatch, node: n})
	}
	var who []string
	for _, field := range plan.Mechanisms {
		who = append(who, live.Value(field).List()...)
	}
	told := "whom it told"
	if len(who) > 0 {
		told = strings.Join(who, ", ")
	}
	w.hazard(n, plan.Deletes, "alert %s is deleted, and %s %s not told of %s by it any more", a.Name.Value, told, plan.Plural(len(who), "is", "are"), kind.Text())
}
