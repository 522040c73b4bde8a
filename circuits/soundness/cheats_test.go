package soundness_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
	"miletus/native/tree"
)

// cheat is a prover who does not follow the machine at one step of a vector, at the first one that gives an
// occasion. His witness is consistent with his lie: it has to be refused, and be accepted without what is in off.
type cheat struct {
	name, vector string
	table        string // the step
	steps        int64  // of his edge, from that step on; 1 if it is 0
	// lie tells what he does otherwise; nil where the state gives no occasion.
	lie func(s *scene) *edge.Cheat
	off []string
}

// scene is a vector before a step.
type scene struct {
	t      testing.TB
	runner *edge.Runner
}

// register reads a register of the operation in progress.
func (s *scene) register(number int) int64 {
	return s.fields(layout.MachineRegion + layout.MachineRegisters)[number]
}

// order reads the record of the order named account x 256 + slot.
func (s *scene) order(name int64) []int64 {
	account, slot := name/machine.Slots, name%machine.Slots
	return s.fields(steps.OrdersPage(account, slot/8))[slot%8*layout.OrderRecord:]
}

// head is the first link of the side of the book of the order in progress.
func (s *scene) head(side int64) int64 {
	return s.fields(layout.InstrumentRegion + 2*s.register(layout.RegisterInstrument) + 1)[layout.HeadBid+side]
}

func (s *scene) fields(number int64) []int64 {
	fields := make([]int64, layout.Page)
	page := s.runner.World.Pages[number]
	for i, slots := range layout.Packing[layout.PageKind(number)] {
		if len(slots) > 0 && layout.CellBits(slots) <= 252 {
			for j, value := range layout.UnpackCell(slots, &page[i]) {
				fields[slots[j].Field] = value
			}
		}
	}
	return fields
}

// next is the step that follows, nil at the segment's end.
func (s *scene) next() *steps.Table {
	r := s.runner
	phase, kind := s.register(layout.RegisterPhase), int64(-1)
	left := int64(len(r.Segment.Words)) - r.Cursor
	if phase == machine.PhaseFetch && left == 0 {
		return nil
	}
	if left > 0 {
		first := r.Segment.Words[r.Cursor].Bytes()
		kind = steps.KindOf(int64(first[1]), r.Segment.Inbox, r.Segment.OffChain, left)
	}
	return steps.Choose(phase, kind)
}

// fork stands where the scene's runner does, with a size of its own.
func (s *scene) fork(size *edge.Size) *edge.Runner {
	packing, err := tree.NewPacking(layout.NativeTable())
	if err != nil {
		s.t.Fatal(err)
	}
	state := tree.New(packing)
	for number, page := range s.runner.World.Pages {
		if _, err := state.SetCells(number, (*[tree.Cells]fr.Element)(&page)); err != nil {
			s.t.Fatal(err)
		}
	}
	r := edge.NewRunner(size, s.runner.Segment, state, maps.Clone(s.runner.World.Pages), false)
	r.Cursor = s.runner.Cursor
	return r
}

// sizeOf is a size with so many rows of each table, and room for few pages and words.
func sizeOf(rows int) *edge.Size {
	size := &edge.Size{
		Name: "cheat", Steps: map[string]int{}, Pages: 10, ReadPages: 8, Nodes: 64, Signatures: 1, Words: 104, Hashes: 4,
		RangeBits: []int{8, 13},
	}
	for _, t := range steps.Tables {
		size.Steps[t.Name] = rows
	}
	return size
}

// walkSize fits any step; cheatSize one of these tables.
func walkSize() *edge.Size {
	size := sizeOf(1)
	size.Pages, size.ReadPages, size.Nodes = 16, 6, 120
	return size
}

func cheatSize(tables ...*steps.Table) *edge.Size {
	size := sizeOf(0)
	for _, t := range tables {
		size.Steps[t.Name]++
	}
	return size
}

// play walks through a vector and tries the cheats on it, each at its first occasion.
func play(t *testing.T, vector string, cheats []cheat) {
	v := harness.LoadVector(t, vector)
	done := make([]bool, len(cheats))
	var before *edge.Runner
	for i := range v.Segments {
		s := &scene{t, v.Runner(t, walkSize(), i, before)}
		before = s.runner
		for next := s.next(); next != nil; next = s.next() {
			for j := range cheats {
				if c := &cheats[j]; !done[j] && c.table == next.Name && c.lie(s) != nil {
					done[j] = true
					t.Run(c.name, func(t *testing.T) { c.try(t, s) })
				}
			}
			if err := s.runner.Pass(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for j := range cheats {
		if !done[j] {
			t.Errorf("%s: %s gives no occasion", cheats[j].name, vector)
		}
	}
}

// try makes the edge of who cheats and of who does not.
func (c *cheat) try(t *testing.T, s *scene) {
	count := max(c.steps, 1)
	size := sizeOf(int(count)) // one size for as many cheats as may be: what is compiled once serves all
	lie := c.lie(s)
	lie.Bus = func(b bus.Bus) bus.Bus { return harness.Without(b, c.off...) }
	cheating := s.fork(size)
	cheating.Follow(*lie)
	dishonest, err := cheating.Next(count)
	if err != nil {
		t.Fatalf("the cheat has no witness: %v", err)
	}
	if honest, err := s.fork(size).Next(count); err != nil || honest.After == dishonest.After {
		t.Errorf("the cheat ends where the machine does, nothing is refused here: %v", err)
	}
	if len(c.off) == 0 {
		t.Error("it is not said what refuses it")
	}
	inputs := harness.Flatten(dishonest.Circuit)
	if harness.Solve(compileEdge(t, size), inputs) == nil {
		t.Error("accepted")
	}
	if err := harness.Solve(compileEdge(t, size, c.off...), inputs); err != nil {
		t.Errorf("refused without %v too: %v", c.off, err)
	}
}

var edgeSystems = map[string]constraint.ConstraintSystem{}

// compileEdge compiles an edge of a size, without what is off.
func compileEdge(t *testing.T, size *edge.Size, off ...string) constraint.ConstraintSystem {
	t.Helper()
	key := fmt.Sprint(size.Steps) + strings.Join(off, "|") // maps are printed by rising keys
	if edgeSystems[key] != nil {
		return edgeSystems[key]
	}
	define := func(b bus.Bus, in []frontend.Variable) {
		c := edge.New(size)
		harness.Fill(in, c)
		c.DefineOn(b)
	}
	system, err := harness.Compile(define, len(harness.Flatten(edge.New(size))), size.RangeBits, off...)
	if err != nil {
		t.Fatal(err)
	}
	edgeSystems[key] = system
	return system
}

// liar answers otherwise where a function says so; its functions get the honest answer last.
type liar struct {
	steps.Source
	open      func(address int64, last *frontend.Variable, cells []frontend.Variable)
	word      func(index int64, honest frontend.Variable) frontend.Variable
	hash      func(tag int64, elements []frontend.Variable, honest frontend.Variable) frontend.Variable
	signature func(honest int64) int64
	neighbour func(honest int64) int64
}

// lying makes the cheat of who answers so.
func lying(l liar) *edge.Cheat {
	return &edge.Cheat{Source: func(world steps.Source) steps.Source {
		own := l
		own.Source = world
		return &own
	}}
}

// carrying makes the cheat of who puts something else into a register before his first step.
func carrying(change func(values []frontend.Variable)) *edge.Cheat {
	first := true
	return &edge.Cheat{Carry: func(values []frontend.Variable) {
		if first {
			change(values)
		}
		first = false
	}}
}

// setting is carrying one other number.
func setting(register int, value int64) *edge.Cheat {
	return carrying(func(values []frontend.Variable) { values[register] = element(value) })
}

// taking makes the cheat of who takes the step of another table.
func taking(name string) *edge.Cheat {
	first := true
	return &edge.Cheat{Choose: func(next *steps.Table) *steps.Table {
		if first {
			next = steps.FindTable(name)
		}
		first = false
		return next
	}}
}

func element(value int64) fr.Element { return *new(fr.Element).SetInt64(value) }

func isOn(enabled frontend.Variable) bool { return evaluate.Int(enabled) == 1 }

func (l *liar) Open(enabled, address frontend.Variable) (frontend.Variable, []frontend.Variable) {
	last, cells := l.Source.Open(enabled, address)
	if l.open != nil && isOn(enabled) {
		l.open(evaluate.Int(address), &last, cells)
	}
	return last, cells
}

func (l *liar) Word(enabled, index frontend.Variable) frontend.Variable {
	word := l.Source.Word(enabled, index)
	if l.word != nil && isOn(enabled) {
		word = l.word(evaluate.Int(index), word)
	}
	return word
}

func (l *liar) Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable {
	hash := l.Source.Hash(enabled, tag, elements)
	if l.hash != nil && isOn(enabled) {
		hash = l.hash(evaluate.Int(tag), elements, hash)
	}
	return hash
}

func (l *liar) Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable {
	valid := l.Source.Signature(enabled, row)
	if l.signature != nil && isOn(enabled) {
		valid = element(l.signature(evaluate.Int(valid)))
	}
	return valid
}

func (l *liar) Neighbour(enabled, instrument, side, price frontend.Variable) frontend.Variable {
	link := l.Source.Neighbour(enabled, instrument, side, price)
	if l.neighbour != nil && isOn(enabled) {
		link = element(l.neighbour(evaluate.Int(link)))
	}
	return link
}
