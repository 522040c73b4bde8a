package soundness_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/steps"
)

// endCheat is a prover who says of his edge to L1 what is not so, where a step of a vector is next: `before` sees to
// the runner and `after` to the edge's values. It has to be refused, and be accepted without what is in off.
type endCheat struct {
	name, vector, table string
	before              func(r *edge.Runner)
	after               func(e *edge.Edge)
	off                 []string
}

// claim packs another place, in the parts too.
func claim(change func(p *edge.Place)) func(e *edge.Edge) {
	return func(e *edge.Edge) {
		change(&e.Place)
		e.Circuit.Public.Place = e.Place.Pack()
		for i, part := range []int64{e.Place.Words, e.Place.CursorBefore, e.Place.CursorAfter, e.Place.Steps} {
			e.Circuit.PlaceParts[i] = part
		}
		f := e.Place.Flags
		for i, flag := range []bool{f.Inbox, f.Begin, f.End, f.Last, f.OffChain, f.IdleBefore, f.IdleAfter} {
			e.Circuit.PlaceParts[4+i] = 0
			if flag {
				e.Circuit.PlaceParts[4+i] = 1
			}
		}
	}
}

func endCheats() []endCheat {
	ends, byIf := []string{"assert:edge.(*Circuit).defineEnds"}, []string{"assert:edge.assertIf"}
	const v = "forced"
	begins := func(r *edge.Runner) { r.Begun = false }
	return []endCheat{
		{name: "place cut otherwise", vector: v, table: "withdraw", off: []string{"assert:edge.cut"}, after: func(e *edge.Edge) {
			e.Place.CursorBefore = 0
			e.Circuit.Public.Place = e.Place.Pack()
		}},
		{name: "clock floor cut otherwise", vector: v, table: "withdraw", off: []string{"assert:edge.cut"}, after: func(e *edge.Edge) {
			e.Circuit.Public.Times = edge.PackTimes(1, 1)
		}},
		{name: "idle in the middle of an operation", vector: v, table: "done", off: ends, after: claim(func(p *edge.Place) { p.Flags.IdleBefore = true })},
		{name: "not idle before an operation", vector: v, table: "withdraw", off: ends, after: claim(func(p *edge.Place) { p.Flags.IdleBefore = false })},
		{name: "not idle after an operation", vector: v, table: "done", off: ends, after: claim(func(p *edge.Place) { p.Flags.IdleAfter = false })},
		{name: "more words taken", vector: v, table: "done", off: ends, after: claim(func(p *edge.Place) { p.CursorAfter++ })},
		{name: "the end before the last word", vector: v, table: "done", off: byIf, after: claim(func(p *edge.Place) { p.Flags.End = true })},
		{name: "begin a batch twice", vector: v, table: "withdraw", off: byIf, before: begins},
		{name: "begin a batch in sequenced words", vector: "ladders", table: "place_order", off: byIf, before: begins},
		{name: "another outbox", vector: v, table: "done", off: ends, after: func(e *edge.Edge) { e.Circuit.Public.OutboxAfter = 5 }},
		{name: "a step more", vector: v, table: "done", off: byChain, after: claim(func(p *edge.Place) { p.Steps++ })},
		{name: "no step at all", vector: v, table: "place_order", off: byChain, after: claim(func(p *edge.Place) { p.Steps = 0 })},
		{name: "something hidden behind the registers", vector: v, table: "enter", off: []string{"assert:steps.load"}, before: func(r *edge.Runner) {
			const page = layout.MachineRegion + layout.MachineRegisters
			cells := r.World.Pages[page]
			cells[layout.Cells-1] = fr.NewElement(5)
			r.World.Pages[page] = cells
			if _, err := r.Tree.SetCells(page, (*[layout.Cells]fr.Element)(&cells)); err != nil {
				panic(err)
			}
		}},
	}
}

func (c *endCheat) try(t *testing.T, s *scene) {
	r := s.fork(sizeOf(1))
	if c.before != nil {
		c.before(r)
	}
	r.Follow(edge.Cheat{Bus: func(b bus.Bus) bus.Bus { return harness.Without(b, c.off...) }})
	e, err := r.Next(1)
	if err != nil {
		t.Fatal(err)
	}
	if c.before == nil {
		if err := harness.Solve(compileEdge(t, sizeOf(1)), harness.Flatten(e.Circuit)); err != nil {
			t.Fatalf("the honest edge is refused: %v", err)
		}
	}
	if c.after != nil {
		c.after(e)
	}
	inputs := harness.Flatten(e.Circuit)
	if harness.Solve(compileEdge(t, sizeOf(1)), inputs) == nil {
		t.Error("accepted")
	}
	if err := harness.Solve(compileEdge(t, sizeOf(1), c.off...), inputs); err != nil {
		t.Errorf("refused without %v too: %v", c.off, err)
	}
}

// rule: 11-R04
// rule: 11-R05
// rule: 11-R06
// rule: 11-R07
// rule: 11-R09
func TestWhatAnEdgeSaysToL1IsSo(t *testing.T) {
	cheats := endCheats()
	done := make([]bool, len(cheats))
	for _, vector := range []string{"forced", "ladders"} {
		walk(t, harness.LoadVector(t, vector), func(s *scene, next *steps.Table) (more bool) {
			for i := range cheats {
				c := &cheats[i]
				if !done[i] && c.vector == vector && c.table == next.Name {
					done[i] = true
					t.Run(c.name, func(t *testing.T) { c.try(t, s) })
				}
				more = more || (!done[i] && c.vector == vector)
			}
			return more
		})
	}
	for i := range cheats {
		if !done[i] {
			t.Errorf("%s: no occasion", cheats[i].name)
		}
	}
}
