package soundness_test

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/exit"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/tree"
)

// holder has three positions in the state below: a long, a short, and one in a settled instrument.
const (
	holder  = 17
	longIn  = 5
	shortIn = 700
	settled = 41
)

// exitPages is a state of one account, as fields that are not zero. The short's list is the second underlying's.
func exitPages() map[string]map[string]int64 {
	header := int64(holder * layout.AccountPages)
	page := func(instrument int64) int64 {
		return header + layout.AccountPositions + instrument/16*layout.AccountGroup
	}
	pages := map[string]map[string]int64{}
	set := func(number int64, field int64, value int64) {
		text := strconv.FormatInt(number, 10)
		if pages[text] == nil {
			pages[text] = map[string]int64{}
		}
		pages[text][strconv.FormatInt(field, 10)] = value
	}
	position := func(instrument, size, previous, next int64) {
		at := instrument % 16 * layout.PositionRecord
		set(page(instrument), at+layout.PositionSize, size)
		set(page(instrument), at+layout.PositionPrevious, previous)
		set(page(instrument), at+layout.PositionNext, next)
	}
	instrument := func(number, state, underlying, payoff, slow, interest int64) {
		definition := layout.InstrumentRegion + 2*number
		set(definition, layout.InstrumentState, state)
		set(definition, layout.InstrumentUnderlying, underlying)
		set(definition, layout.Payoff, payoff)
		set(definition, layout.SlowMark, slow)
		set(definition+1, layout.OpenInterest, interest)
	}
	set(header, layout.Owner, 0xabcdef)
	set(header, layout.Cash, -50)
	set(header, layout.Locked, 7)
	set(header, layout.FirstPosition, longIn+1)
	set(header+1, layout.FirstPosition, shortIn+1)
	position(longIn, 10, 0, settled+1)
	position(settled, -4, longIn+1, 0)
	position(shortIn, -3, 0, 0)
	instrument(longIn, 1, 0, 0, 9<<16|1, 10)
	instrument(settled, 2, 0, 100, 77<<16, 0)
	instrument(shortIn, 1, 1, 0, 20<<16|1, 3)
	set(layout.MachineRegion, layout.ClockMs, 1_700_000_000_000)
	set(layout.MachineRegion+layout.MachineUnderlyings+1, layout.TickTimeS, 1_600_000_000)
	set(layout.MachineRegion+layout.MachineUnderlyings, layout.TickTimeS, 1_700_000_000)
	return pages
}

func exitState(t testing.TB) *exit.State {
	pages := exitPages()
	s := &exit.State{Tree: harness.Tree(t, pages), Pages: map[int64][tree.Cells]fr.Element{}}
	for text, page := range pages {
		number := harness.PageNumber(t, text)
		s.Pages[number] = harness.Cells(t, number, page)
	}
	return s
}

// exitSubjects has circuits that walk over two positions, from the beginning and to the end.
func exitSubjects(t testing.TB) []subject {
	const room = 2
	state := exitState(t)
	witness := func(cursor, sum int64, change func(c *exit.Account)) []frontend.Variable {
		c, _, err := exit.AssignAccount(state, holder, cursor, sum, room)
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		return harness.Flatten(c)
	}
	begin := func(change func(c *exit.Account)) []frontend.Variable { return witness(0, 0, change) }
	// the first proof passes the long and the settled one, the second the short
	middle := int64(1)<<13 | (shortIn + 1)
	end := func(change func(c *exit.Account)) []frontend.Variable { return witness(middle, 5, change) }
	shift := func(v int64, bits uint) *big.Int { return new(big.Int).Lsh(big.NewInt(v), bits) }
	add := func(v frontend.Variable, change *big.Int) *big.Int { return new(big.Int).Add(v.(*big.Int), change) }
	define := func(b bus.Bus, in []frontend.Variable) {
		c := &exit.Account{Held: make([]exit.Held, room)}
		harness.Fill(in, c)
		exit.DefineAccount(b, c)
	}
	// another takes a page that is in the tree for the one that is asked for
	another := func(c *exit.Account) {
		c.Held[0].Instrument = c.Held[1].Instrument
		c.Public.Sums = add(c.Public.Sums, shift(10*(100-9), 64))
	}
	asserts, climbs := []string{"assert:exit.DefineAccount"}, []string{"assert:exit.(*reader).climb"}
	account := subject{
		name: "exit", gadgets: []string{
			"exit.DefineAccount", "exit.(*reader).climb", "exit.(*reader).cut", "exit.(*reader).showHeads",
		}, ranges: []int{8}, define: define,
		honest: begin(func(*exit.Account) {}),
		attacks: []attack{
			{name: "a micro more", inputs: begin(func(c *exit.Account) { c.Public.Sums = add(c.Public.Sums, shift(1, 64)) }), off: asserts},
			{name: "another sum before", inputs: end(func(c *exit.Account) { c.Public.Sums = add(c.Public.Sums, shift(1, 0)) }), off: asserts},
			{name: "another's account", inputs: begin(func(c *exit.Account) { c.Public.Owner = 0x123 }), off: asserts},
			{name: "ends too early", inputs: begin(func(c *exit.Account) {
				c.Public.Walk = add(c.Public.Walk, shift(exit.Done-middle, 56))
			}), off: asserts},
			{name: "begins at the end", inputs: begin(func(c *exit.Account) { c.Public.Walk = add(c.Public.Walk, shift(exit.Done, 24)) }), off: asserts},
			{name: "begins again without a position", inputs: begin(func(c *exit.Account) {
				c.Underlying = 1
				c.Public.Walk = add(c.Public.Walk, shift(1<<13, 24))
			}), off: asserts},
			{name: "another account's number", inputs: begin(func(c *exit.Account) { c.Public.Walk = add(c.Public.Walk, shift(1, 0)) }), off: asserts},
			{name: "another instrument's mark", inputs: begin(another), off: climbs},
			{name: "a position that is not in the tree", inputs: end(func(c *exit.Account) {
				c.Held[0].Position.Cells[shortIn%16] = 1 << 13 // a long of nothing becomes the last one
				c.Public.Sums = add(c.Public.Sums, shift(0, 64))
			}), off: append([]string{"assert:exit.DefineAccount"}, climbs...)},
			{name: "another root", inputs: begin(func(c *exit.Account) { c.Public.Root = 3 }), off: climbs},
			{name: "heads of another account", inputs: begin(func(c *exit.Account) {
				cash := c.Heads[0][1].(fr.Element)
				one := fr.One()
				c.Heads[0][1] = *cash.Add(&cash, &one)
				c.Public.Sums = add(c.Public.Sums, shift(1, 64))
			}), off: []string{"assert:exit.(*reader).showHeads"}},
			{name: "a list hidden", inputs: begin(func(c *exit.Account) {
				c.Heads[1][10] = 0
				c.Public.Walk = add(c.Public.Walk, shift(exit.Done-middle, 56))
			}), off: []string{"assert:exit.(*reader).showHeads"}},
			{name: "a position passed over", inputs: begin(func(c *exit.Account) {
				last, _, err := exit.AssignAccount(state, holder, middle, 0, room)
				if err != nil {
					t.Fatal(err)
				}
				c.Held[0], c.Held[1] = c.Held[1], last.Held[0]
				c.Public.Walk = add(c.Public.Walk, shift(exit.Done-middle, 56))
				c.Public.Sums = add(c.Public.Sums, shift(-10*9-3*21, 64))
			}), hints: []harness.Override{{Hint: bus.LimbHint, With: swapBits(longIn, settled)}}, off: []string{"assert:exit.(*reader).cut"}},
		},
	}
	return []subject{account, silenceSubject(t, state)}
}

// swapBits is a LimbHint that gives one number's bits for another's.
func swapBits(from, to int64) func(*big.Int, []*big.Int, []*big.Int) error {
	return func(field *big.Int, inputs, outputs []*big.Int) error {
		last := len(inputs) - 1
		bits := len(outputs) > 1
		for _, width := range inputs[:last] {
			bits = bits && width.IsInt64() && width.Int64() == 1
		}
		if bits && inputs[last].IsInt64() && inputs[last].Int64() == from {
			changed := append(append([]*big.Int(nil), inputs[:last]...), big.NewInt(to))
			return bus.LimbHint(field, changed, outputs)
		}
		return bus.LimbHint(field, inputs, outputs)
	}
}

func silenceSubject(t testing.TB, state *exit.State) subject {
	witness := func(change func(c *exit.Silence)) []frontend.Variable {
		c, _, err := exit.AssignSilence(state, 1)
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		return harness.Flatten(c)
	}
	// other is what is shown of the other underlying
	other, _, err := exit.AssignSilence(state, 0)
	if err != nil {
		t.Fatal(err)
	}
	asserts, climbs := []string{"assert:exit.DefineSilence"}, []string{"assert:exit.(*reader).climb"}
	what := func(c *exit.Silence, change int64, bits uint) {
		c.Public.What = new(big.Int).Add(c.Public.What.(*big.Int), new(big.Int).Lsh(big.NewInt(change), bits))
	}
	set := func(cell *frontend.Variable, value int64) { *cell = value }
	return subject{
		name: "silence", gadgets: []string{"exit.DefineSilence"}, ranges: []int{8},
		define: func(b bus.Bus, in []frontend.Variable) {
			c := new(exit.Silence)
			harness.Fill(in, c)
			exit.DefineSilence(b, c)
		},
		honest: witness(func(*exit.Silence) {}),
		attacks: []attack{
			{name: "an older tick", inputs: witness(func(c *exit.Silence) { what(c, -1, 72) }), off: asserts},
			{name: "a later clock", inputs: witness(func(c *exit.Silence) { what(c, 1, 8) }), off: asserts},
			{name: "another underlying", inputs: witness(func(c *exit.Silence) { what(c, -1, 0) }), off: asserts},
			{name: "held in another underlying", inputs: witness(func(c *exit.Silence) {
				c.Instrument, c.Definition, c.Book = other.Instrument, other.Definition, other.Book
			}), off: asserts},
			{name: "nobody holds it", inputs: witness(func(c *exit.Silence) { set(&c.Book.Cells[1], 0) }), off: append(asserts, climbs...)},
			{name: "settled", inputs: witness(func(c *exit.Silence) { set(&c.Definition.Cells[0], 2|1<<4) }), off: append(asserts, climbs...)},
			{name: "a tick of another state", inputs: witness(func(c *exit.Silence) {
				cell := c.Ticks.Cells[0].(fr.Element)
				var index fr.Element
				index.SetUint64(1)
				c.Ticks.Cells[0] = *cell.Add(&cell, &index)
			}), off: climbs},
			{name: "another underlying's tick", inputs: witness(func(c *exit.Silence) {
				c.Ticks = other.Ticks
				what(c, 100_000_000, 72)
			}), off: climbs},
		},
	}
}
