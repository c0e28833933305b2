package account

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// expiryAlert is the type of alert that reports certificate authorities before they
// expire.
const expiryAlert schema.Value = `"access_custom_certificate_expiration_type"`

// alertFields are the fields of an alert in the order in which edits stand. It is
// read only.
var alertFields = []string{plan.FieldAlertType, plan.FieldEnabled, plan.FieldDescription, plan.FieldEmail, plan.FieldWebhooks, plan.FieldPagerDuty}

// alerts plans the notification policies of the account.
func (w *work) alerts() {
	if !w.readable(plan.KindAlert) {
		return
	}
	for i := range w.want.Alerts {
		a := &w.want.Alerts[i]
		if w.leftOut(a) {
			w.report(schema.Error, plan.Unreadable, w.ref.Of(plan.KindAlert, a.Name.Value), fmt.Sprintf(
				"alert %s of account %s is %s", plan.This, w.live.Name, plan.LeftOut), alertOrigin(a, a.Name.Pos))
			continue
		}
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

// leftOut reports whether a snapshot holds nothing of an alert, not even that there is none.
func (w *work) leftOut(a *schema.Alert) bool {
	return w.live.Kept.Partial && !slices.Contains(w.live.Kept.Alerts, a.Name.Value)
}

func alertOrigin(a *schema.Alert, p schema.Pos) plan.Origin {
	return plan.Origin{Pos: p, Via: "alert " + a.Name.Value}
}

// liveAlert returns the live alert that one of the configuration is about, nil if there is
// none. Known is false where several have the name and the type does not decide.
func (w *work) liveAlert(a *schema.Alert) (live *plan.Resource, known bool) {
	live, named := w.alertNamed(a)
	if live != nil || named == 0 {
		return live, true
	}
	w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindAlert, a.Name.Value), fmt.Sprintf(
		"alert %s is not changed: account %s has %d of that name, and the type does not say which one is meant", plan.This, w.live.Name, named), alertOrigin(a, a.Name.Pos))
	return nil, false
}

// alertNamed returns the live alert that one of the configuration is about, and how many
// have its name. Of several it is the only one of the type, or nil.
func (w *work) alertNamed(a *schema.Alert) (live *plan.Resource, named int) {
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

// wantedFields returns the values that an alert asks of its fields; fields that it does
// not manage are missing. Ok is false where a destination cannot be found, which is
// reported.
func (w *work) wantedFields(a *schema.Alert, report func(sev schema.Severity, rule, message string, p schema.Pos)) (fields map[string]schema.Value, ok bool) {
	fields = map[string]schema.Value{plan.FieldAlertType: schema.StringValue(a.Type.Value), plan.FieldEnabled: "true"}
	if a.Enabled.Set && !a.Enabled.Value {
		fields[plan.FieldEnabled] = "false"
	}
	if a.Description.Set {
		fields[plan.FieldDescription] = schema.Inherit
		if a.Description.Value != "" {
			fields[plan.FieldDescription] = schema.StringValue(a.Description.Value)
		}
	}
	if a.Email.Set {
		fields[plan.FieldEmail] = plan.ListField(slices.Compact(slices.Sorted(slices.Values(a.Email.Value))))
	}

	ok = true
	for _, d := range []struct {
		field, noun string
		names       schema.Field[[]string]
		live        []plan.Destination
		kept        []string
	}{
		{plan.FieldWebhooks, "webhook", a.Webhooks, w.live.Webhooks, w.live.Kept.Webhooks},
		{plan.FieldPagerDuty, "PagerDuty service", a.PagerDuty, w.live.PagerDuty, w.live.Kept.PagerDuty},
	} {
		if !d.names.Set {
			continue
		}
		var ids []string
		for _, name := range d.names.Value {
			id, sev, rule, why := destination(d.live, name)
			if w.live.Kept.Partial && !slices.Contains(d.kept, name) {
				sev, rule, why = schema.Error, plan.Unreadable, "is "+plan.LeftOut
			}
			if why != "" {
				report(sev, rule, fmt.Sprintf("%s %s %s", d.noun, name, why), d.names.Pos)
				ok = false
				continue
			}
			ids = append(ids, id)
		}
		slices.Sort(ids)
		fields[d.field] = plan.ListField(slices.Compact(ids))
	}
	return fields, ok
}

// destination returns the id of a destination that is given by its name or id, or says
// why it cannot be found.
func destination(live []plan.Destination, name string) (id string, sev schema.Severity, rule, why string) {
	for _, d := range live {
		switch {
		case d.ID == name:
			return d.ID, "", "", ""
		case d.Name != name:
		case id != "":
			return "", schema.Error, plan.NotFound, "is not unique in the account; write the id instead"
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

// alert plans the creation of an alert, or the changes of a live one.
func (w *work) alert(a *schema.Alert, live *plan.Resource) {
	object := w.ref.Of(plan.KindAlert, a.Name.Value)
	if w.live.AlertTypes != nil && !slices.Contains(w.live.AlertTypes, a.Type.Value) {
		w.report(schema.Warning, plan.NotEditable, object, fmt.Sprintf("alert %s is not changed: account %s is not entitled to alerts of type %s",
			plan.This, w.live.Name, a.Type.Value), alertOrigin(a, a.Type.Pos))
		return
	}
	wanted, ok := w.wantedFields(a, func(sev schema.Severity, rule, message string, p schema.Pos) {
		w.report(sev, rule, object, fmt.Sprintf("alert %s is not changed: %s", plan.This, message), alertOrigin(a, p))
	})
	if !ok {
		return
	}

	c := plan.Change{Ref: object, Action: plan.Create}
	over, now := plan.Object{Absent: true}, plan.Resource{}
	if live != nil {
		c.Action, c.ObjectID = plan.Update, live.ID
		over, now = plan.Object{Resource: live}, *live
	}
	for _, field := range alertFields {
		from := now.Value(field)
		if to, managed := wanted[field]; managed && from != to {
			c.Edits = append(c.Edits, w.edit(field, from, to, w.alertCause(a, field, to, from), alertDirection(field, to, from), alertOrigin(a, fieldPos(a, field))))
		}
	}
	if len(c.Edits) == 0 {
		return
	}

	n := w.add(c, over)
	before := watches(now.Value(plan.FieldAlertType), now.Value(plan.FieldEnabled))
	after := watches(wanted[plan.FieldAlertType], wanted[plan.FieldEnabled])
	switch {
	case after && !before:
		w.act(act{effect: watch, node: n})
	case before && !after:
		w.act(act{effect: unwatch, node: n})
	}
}

// fieldPos returns the position of a field of an alert.
func fieldPos(a *schema.Alert, field string) schema.Pos {
	switch field {
	case plan.FieldAlertType:
		return a.Type.Pos
	case plan.FieldDescription:
		return a.Description.Pos
	case plan.FieldEmail:
		return a.Email.Pos
	case plan.FieldWebhooks:
		return a.Webhooks.Pos
	case plan.FieldPagerDuty:
		return a.PagerDuty.Pos
	}
	if a.Enabled.Set {
		return a.Enabled.Pos
	}
	return a.Name.Pos // enabled is the default
}

// watches reports whether an alert reports certificate authorities that expire.
func watches(kind, enabled schema.Value) bool { return kind == expiryAlert && enabled == "true" }

// alertDirection says what an edit does to protection: an alert that is off reports
// nothing.
func alertDirection(field string, to, from schema.Value) schema.Direction {
	switch {
	case field == plan.FieldEnabled && to == "true":
		return schema.Strengthens
	case field == plan.FieldEnabled && from == "true":
		return schema.Weakens
	}
	return schema.Changes
}

func (w *work) alertCause(a *schema.Alert, field string, to, from schema.Value) plan.Cause {
	b := w.baseAlert(a)
	switch {
	case b == nil:
		return w.cause("", to, from)
	case b.Absent:
		return w.cause(schema.Inherit, to, from)
	}
	// A destination of the base that is missing was reported when the base was head.
	wanted, _ := w.wantedFields(b, func(schema.Severity, string, string, schema.Pos) {})
	return w.cause(wanted[field], to, from)
}

// baseAlert returns the alert of the base commit with the same name, nil if there is none.
func (w *work) baseAlert(a *schema.Alert) *schema.Alert {
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

func (w *work) deleteAlert(a *schema.Alert, live *plan.Resource) {
	kind := live.Value(plan.FieldAlertType)
	cause := w.cause("", schema.Inherit, kind)
	if b := w.baseAlert(a); b != nil && b.Absent {
		cause = w.cause(schema.Inherit, schema.Inherit, kind)
	} else if b != nil {
		cause = w.cause(kind, schema.Inherit, kind)
	}
	n := w.add(plan.Change{
		Ref: w.ref.Of(plan.KindAlert, a.Name.Value), Action: plan.Delete, ObjectID: live.ID,
		Edits: []plan.Edit{w.edit(plan.FieldAlertType, kind, schema.Inherit, cause, schema.Changes, alertOrigin(a, a.Name.Pos))},
	}, plan.Object{Resource: live})

	if watches(kind, live.Value(plan.FieldEnabled)) {
		w.act(act{effect: unwatch, node: n})
	}

	var who []string
	for _, field := range plan.Mechanisms {
		who = append(who, live.Value(field).List()...)
	}
	recipients := "its recipients"
	if len(who) > 0 {
		recipients = strings.Join(who, ", ")
	}
	w.hazard(n, plan.Deletes, "alert %s is deleted: it no longer notifies %s of %s", plan.This, recipients, kind.Text())
}
