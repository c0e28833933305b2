// Package revert finds the way back from what an apply wrote: which settings its receipt
// says it wrote, which of them live state still has as it left them, and the configurations
// that ask for the values before and after. Everything else, from the order to the policy,
// is that of any plan.
package revert

import (
	"cmp"
	"fmt"
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/resolve"
	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// Via is the part of a receipt that an edit of a way back comes from.
const Via = "receipt"

// Way is the way back from what a receipt says was written.
type Way struct {
	file    string
	current *schema.Desired
	zones   []plan.Ref // that hold the written settings
	written []written
	// Left reports what is not taken back, and why.
	Left plan.Findings
	// Selected says that the receipt has some write that the zones and hostnames leave.
	Selected bool
}

// written is a setting that an apply wrote, or may have written.
type written struct {
	object   plan.Ref // without what tells its writes apart
	setting  string
	from, to schema.Value
	// before is the value that a failed write was to replace, "" if none failed. Live has it
	// or to: the receipt does not know.
	before schema.Value
	line   int // of the receipt
}

// Input is what a way back is found from.
type Input struct {
	File    string // the name of the receipt, for the lines of findings and edits
	Receipt *planfile.Receipt
	// Current is the configuration whose policy holds. Only its zones are written.
	Current *schema.Desired
	// Zones and Hostnames restrict the way back; empty means everything.
	Zones     []string
	Hostnames resolve.Names
}

// Find reads from a receipt what there is to take back. What cannot be taken back,
// whatever live state is, is Left.
func Find(in Input) *Way {
	f := finder{Way: &Way{file: in.File, current: in.Current}, in: in, known: map[plan.Spot]int{}, outside: map[plan.Ref]bool{}, memo: map[valueKey]bool{}}
	for i := range in.Receipt.Steps {
		if s := &in.Receipt.Steps[i]; s.Wrote && (s.Outcome == apply.Done || s.Outcome == apply.Failed) {
			f.add(s, i+1)
		}
	}
	f.completeEarlyData()
	return f.Way
}

// finder makes a Way.
type finder struct {
	*Way
	in    Input
	known map[plan.Spot]int // positions in written
	early []written         // writes of 0rtt by itself
	// outside has the zones that no document covers, which is said once of each.
	outside map[plan.Ref]bool
	memo    map[valueKey]bool // of writable
}

// add adds the settings that a step wrote.
func (f *finder) add(s *planfile.ReceiptStep, line int) {
	c := s.Change()
	ref := c.Object()
	if !f.selected(ref) {
		return
	}
	f.Selected = true

	if why := lasting(&c, s); why != "" {
		subject := plan.This
		if ref.Name == "" { // an id that this release cannot read
			subject = s.ID
		}
		f.leave(ref, line, subject+" is not taken back: "+why)
		return
	}
	zone := ref.In()
	if _, covered := accountOf(f.current, zone); !covered {
		if !f.outside[zone] {
			f.outside[zone] = true
			f.leave(zone, line, "nothing of zone "+plan.This+" is taken back: no document of the configuration covers it")
		}
		return
	}
	if !slices.Contains(f.zones, zone) {
		f.zones = append(f.zones, zone)
	}

	for _, e := range s.Edits {
		w := written{object: ref, setting: e.Setting, from: cmp.Or(e.From, schema.Inherit), to: cmp.Or(e.To, schema.Inherit), line: line}
		if s.Outcome == apply.Failed {
			w.before = w.from
		}
		f.addSetting(w)
	}
}

// selected reports whether the flags leave an object.
func (f *finder) selected(ref plan.Ref) bool {
	if len(f.in.Zones) > 0 && !slices.Contains(f.in.Zones, ref.Zone) {
		return false
	}
	return len(f.in.Hostnames) == 0 || ref.Kind != plan.KindZone && f.in.Hostnames.Match(ref.Name)
}

// lasting says why a write cannot be taken back. It returns "" for one that can.
func lasting(c *plan.Change, s *planfile.ReceiptStep) string {
	switch {
	case c.Kind.OfAccount():
		return "only settings of zones and hostnames are; revert the commit, and apply that"
	case c.Kind != plan.KindZone && c.Kind != plan.KindHostname && c.Kind != plan.KindCustomHostname:
		return "this release does not know what it is"
	case c.Action == plan.Create && c.Kind == plan.KindCustomHostname:
		return "the apply created it, and it may serve visitors by now; delete it with \"state: absent\" if nobody needs it"
	case c.Action == plan.Create:
		return "an uploaded certificate stays, since other parts of the zone may use it by now"
	case c.Action == plan.Delete:
		return "the apply deleted it, and a new one would have another certificate and other validation records"
	case c.Action != plan.Update || len(s.Edits) == 0:
		return "the receipt does not say which values were replaced"
	}
	return ""
}

// addSetting adds a setting that was written, after the other writes of the same setting.
func (f *finder) addSetting(w written) {
	if w.setting == schema.EarlyData && w.object.Kind == plan.KindZone {
		f.early = append(f.early, w)
		return
	}
	if why := f.unwritable(&w); why != "" {
		f.leave(w.object, w.line, w.setting+" of "+plan.This+" is not taken back: "+why)
		return
	}

	spot := plan.Spot{Object: w.object, Setting: w.setting}
	if at, ok := f.known[spot]; ok {
		f.written[at].to, f.written[at].before = w.to, w.before
		return
	}
	f.known[spot] = len(f.written)
	f.written = append(f.written, w)
}

// completeEarlyData adds the writes that turned 0rtt off and wrote nothing else: they took
// tls_1_3 from zrt to on.
func (f *finder) completeEarlyData() {
	for _, w := range f.early {
		w.setting, w.from, w.to = schema.TLS13, `"zrt"`, `"on"`
		if _, ok := f.known[plan.Spot{Object: w.object, Setting: w.setting}]; !ok {
			f.addSetting(w)
		}
	}
}

// unwritable says why the earlier value of a setting cannot be written. It returns "" if it
// can.
func (f *finder) unwritable(w *written) string {
	row, ok := schema.LookupSetting(w.setting)
	level, certificate := levelOf(w.object.Kind), plan.OfCertificate(w.setting)
	if certificate {
		level = schema.CertificateLevel
	}
	switch {
	case !ok || !row.On(level):
		return "this release does not know the setting"
	case w.from == schema.Inherit && (w.object.Kind == plan.KindZone || certificate):
		return "it had no value before, and no request takes a value away"
	case w.from == schema.Inherit:
		return ""
	case !f.writable(row, w.from, level):
		return "this release does not know the value that it had, " + w.from.Show()
	}
	return ""
}

// valueKey is a value of a setting at a level.
type valueKey struct {
	setting string
	value   schema.Value
	level   schema.Level
}

// writable reports whether the configuration could ask for a value, as the loader reads it.
// Receipts of fleets repeat few values.
func (f *finder) writable(row *schema.Setting, v schema.Value, level schema.Level) bool {
	key := valueKey{row.ID, v, level}
	can, known := f.memo[key]
	if known {
		return can
	}

	var n yaml.Node
	if err := yaml.Unmarshal([]byte(v.YAML()), &n); err == nil && len(n.Content) == 1 {
		value, _, problems := schema.ReadValue(row, n.Content[0], level)
		can = len(problems) == 0 && value == v
	}
	f.memo[key] = can
	return can
}

func levelOf(kind plan.Kind) schema.Level {
	switch kind {
	case plan.KindZone:
		return schema.ZoneLevel
	case plan.KindHostname:
		return schema.HostnameLevel
	default:
		return schema.CustomHostnameLevel
	}
}

// leave reports what is not taken back.
func (w *Way) leave(ref plan.Ref, line int, message string) {
	w.Left.Report(schema.Warning, plan.NotReverted, ref, message, &schema.Assignment{Pos: w.at(line), Via: Via})
}

// at returns the place of a line of the receipt.
func (w *Way) at(line int) schema.Pos { return schema.Pos{File: w.file, Line: line, Col: 1} }

// Empty reports whether there is nothing to take back.
func (w *Way) Empty() bool { return len(w.written) == 0 }

// Zones returns the names of the zones that hold what there is to take back, sorted.
func (w *Way) Zones() []string {
	var names []string
	for _, z := range w.zones {
		names = append(names, z.Zone)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Against returns the part of the way that live state still has as the receipt left it. The
// rest is left alone, and said to be, except what already has its earlier value. What could
// not be read stays, so that a plan reports it.
func (w *Way) Against(live *plan.Live) *Way {
	out := &Way{file: w.file, current: w.current, zones: w.zones, Left: slices.Clone(w.Left), Selected: w.Selected}
	zones := map[plan.Ref]*plan.Zone{}
	for i := range live.Zones {
		z := &live.Zones[i]
		byAccount := plan.ZoneRef(z.Name)
		byAccount.Account = z.Account.ID
		zones[live.ZoneRef(i)], zones[plan.ZoneRef(z.Name)], zones[byAccount] = z, z, z
	}

	for i := range w.written {
		one := &w.written[i]
		value, why := "", ""
		if z := zones[one.object.In()]; z != nil {
			value, why = found(z, one)
		}
		e := plan.Edit{Setting: one.setting, From: one.from, To: one.to}
		switch now := schema.Value(value); {
		case why != "":
			out.leave(one.object, one.line, one.setting+" of "+plan.This+" is not taken back: "+why)
		case now == "" || e.Met(now) || now == one.from:
			out.written = append(out.written, *one)
		case now == one.before:
			still := *one
			still.to = now
			out.written = append(out.written, still)
		default:
			out.leave(one.object, one.line, fmt.Sprintf("%s of %s is left at %s, and not set back to %s: the receipt left it at %s, and someone else has changed it since",
				one.setting, plan.This, now.Show(), one.from.Show(), one.to.Show()))
		}
	}
	return out
}

// found returns the live value of a setting, "" for one that could not be read, or why
// there is none.
func found(z *plan.Zone, w *written) (value, why string) {
	switch w.object.Kind {
	case plan.KindZone:
		s, _ := plan.Lookup(z.Settings, w.setting)
		return string(s.Value), ""
	case plan.KindHostname:
		if !slices.Contains(z.HostnameSettings, w.setting) {
			return "", ""
		}
		if at, ok := plan.FindHostname(z.Hostnames, w.object.Name); ok {
			return string(z.Hostnames[at].Own(w.setting)), ""
		}
		return string(schema.Inherit), ""
	default:
	}

	if z.CustomHostnames == nil {
		return "", ""
	}
	at, ok := plan.FindHostname(z.CustomHostnames, w.object.Name)
	switch {
	case !ok:
		return "", "the custom hostname is not there any more"
	case at+1 < len(z.CustomHostnames) && z.CustomHostnames[at+1].Name == w.object.Name:
		return "", "several custom hostnames have this name"
	}
	return string(z.CustomHostnames[at].Own(w.setting)), ""
}
