package schema

import (
	"testing"

	"pgregory.net/rapid"
)

// A lower bound that has been settled stays as it is, keeps its bound where that can be
// told, and never lowers what visitors meet. A value of the object's own is the last word.
func TestSettleIsIdempotentAndNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := Table()
		var bounded []Setting
		for _, row := range rows {
			if row.TakesAtLeast() {
				bounded = append(bounded, row)
			}
		}
		row := rapid.SampledFrom(bounded).Draw(t, "setting")
		value := rapid.Map(rapid.SampledFrom(row.Values), StringValue)
		a := Assignment{Setting: row.ID, Value: value.Draw(t, "bound"), AtLeast: true}
		own := rapid.OneOf(value, rapid.Just(Inherit)).Draw(t, "own")
		zone := rapid.OneOf(value, rapid.Just(Value(""))).Draw(t, "zone")

		settled := a.Settle(own, zone)
		met := func(own Value) Value {
			if own == Inherit {
				return zone
			}
			return own
		}
		before, after := met(own), met(settled.Value)
		if !row.Meets(a.Value, after) {
			t.Fatalf("%s settles at %s, below %s", own, after, a.Value)
		}
		if before != "" && before != after && row.Compare(before, after) != Strengthens {
			t.Fatalf("%s is lowered to %s", before, after)
		}
		if again := a.Settle(settled.Value, zone); again.Value != settled.Value {
			t.Fatalf("%s settles at %s, and then at %s", own, settled.Value, again.Value)
		}
	})
}
