package edge

import (
	"errors"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/steps"
	"miletus/circuits/tree"
	native "miletus/native/tree"
)

const (
	registerTuples = 4
	headerTuples   = 2

	registersPage = layout.MachineRegion + layout.MachineRegisters
	headerPage    = layout.MachineRegion + layout.MachineHeader
)

// Segment is the words of a segment and what L1 fixed for it.
type Segment struct {
	Words []fr.Element
	// Inbox, Last, OffChain: as in Flags.
	Inbox, Last, OffChain bool
	// Signatures are the words of signatures that are not on L1, by the place of the operation's first word.
	Signatures           map[int64][2]fr.Element
	TimeBoundMS, FloorMS int64
	Domain, Payee        fr.Element
	// Hash, Point and Value bind the words (spec 10-R08).
	Hash, Point, Value fr.Element
}

// Runner runs the machine over a segment, edge by edge.
type Runner struct {
	Size    *Size
	Segment *Segment
	Tree    *native.Tree // the state where the next edge begins
	World   *World
	Cursor  int64
	Steps   int64 // taken of the segment
	Begun   bool  // the batch has begun

	bus    bus.Bus
	shared *steps.Shared
	cheat  Cheat
}

// Edge is some steps, with the circuit's values.
type Edge struct {
	Circuit *Circuit
	Place   Place
	// Before and After are the roots.
	Before, After fr.Element
	// Used counts the rows of each table of steps that are steps.
	Used map[string]int
	// Touched, Nodes, Signatures and Hashes count rows that are used.
	Touched, Nodes, Signatures, Hashes int
	// Changed has the pages that are touched, and if they have changed.
	Changed map[int64]bool
}

// ErrEnd says that the segment is at its end.
var ErrEnd = errors.New("edge: the segment is at its end")

// NewRunner stands before a segment, in a state of these pages; `begin` if the segment begins its batch.
func NewRunner(size *Size, segment *Segment, state *native.Tree, pages map[int64]Page, begin bool) *Runner {
	r := &Runner{
		Size: size, Segment: segment, Tree: state, Begun: !begin,
		World: &World{Pages: pages, Words: segment.Words, Signatures: segment.Signatures, isOpen: map[int64]bool{}},
	}
	r.Follow(Cheat{})
	return r
}

// progress is an edge while it is made.
type progress struct {
	rows     map[string][]Row
	carried  []frontend.Variable
	count    int64
	touched  map[int64]bool
	nodes    map[[2]int64]bool
	complete bool
}

// Next makes the edge from where the last one ended: as many steps as fit the size, up to `limit` if it is not 0,
// to the segment's end at most. At the end it gives ErrEnd, unless no edge has got there yet.
func (r *Runner) Next(limit int64) (*Edge, error) { return r.run(limit, true) }

// Pass goes on as Next does, and makes no edge of it.
func (r *Runner) Pass(limit int64) error {
	_, err := r.run(limit, false)
	return err
}

// Count goes on as Next does, and gives the edge without the circuit's values.
func (r *Runner) Count(limit int64) (*Edge, error) { return r.run(limit, false) }

// run takes steps, and makes the edge's rows if they are wanted.
func (r *Runner) run(limit int64, wanted bool) (edge *Edge, err error) {
	a, api := integers.New(r.bus), r.bus.API()
	r.World.used = newUsed()
	p := &progress{rows: map[string][]Row{}, touched: map[int64]bool{}, nodes: map[[2]int64]bool{}}
	registers, header := r.World.Pages[registersPage], r.World.Pages[headerPage]
	circuit := &Circuit{}
	if wanted {
		circuit = New(r.Size)
	}
	fillTuples(circuit.Registers[:], &registers)
	fillTuples(circuit.Header[:], &header)
	thrown := evaluate.Catch(func() {
		first := circuit.loadRegisters(a, api)
		place := Place{Words: int64(len(r.Segment.Words)), CursorBefore: r.Cursor, Flags: Flags{
			Inbox: r.Segment.Inbox, Begin: !r.Begun, Last: r.Segment.Last, OffChain: r.Segment.OffChain,
			IdleBefore: evaluate.Int(first.Phase.Value) == machine.PhaseFetch,
		}}
		first.Begin(a, api, integers.Known(flagElement(place.Flags.Begin), 1))
		first.Cursor = integers.Known(fr.NewElement(uint64(r.Cursor)), 16)
		p.carried = first.Values()
		p.touch(registersPage, headerPage)
		for limit == 0 || p.count < limit {
			var more bool
			if more, err = r.step(p); !more || err != nil {
				break
			}
		}
		if err == nil {
			edge, err = r.finish(circuit, p, &place, wanted)
		}
	})
	if thrown != nil {
		return nil, thrown
	}
	return edge, err
}

func flagElement(flag bool) fr.Element {
	if flag {
		return fr.One()
	}
	return fr.Element{}
}

// touch counts pages and nodes that have to have rows.
func (p *progress) touch(numbers ...int64) {
	for _, number := range numbers {
		p.touched[number] = true
		for level, index := int64(1), number/tree.Arity; level <= tree.Depth; level, index = level+1, index/tree.Arity {
			p.nodes[[2]int64{level, index}] = true
		}
	}
}

// step takes one step if it fits, and tells if one was taken.
func (r *Runner) step(p *progress) (bool, error) {
	r.cheat.carry(p.carried)
	phase := evaluate.Int(p.carried[0])
	cursor := r.cursorOf(p.carried)
	if phase == machine.PhaseFetch && cursor >= int64(len(r.Segment.Words)) {
		p.complete = true
		return false, nil
	}
	next := r.cheat.choose(steps.Choose(phase, r.KindAt(cursor)))
	if next == nil {
		return false, fmt.Errorf("edge: no step follows phase %d, operation %d", phase, r.KindAt(cursor))
	}
	if len(p.rows[next.Name]) == r.Size.Steps[next.Name] {
		return false, r.fits(p, next.Name)
	}
	w := r.World
	w.pending = newUsed()
	answers := &recorder{source: r.cheat.source(w)}
	head := steps.Head{Enabled: fr.One(), Number: fr.NewElement(uint64(p.count))}
	copy(head.Carried[:], p.carried)
	after := steps.Define(r.shared, next, &head, answers)
	if !r.hasRoom(p) {
		return false, r.fits(p, next.Name)
	}
	w.used.keep(w.pending)
	p.rows[next.Name] = append(p.rows[next.Name], Row{Head: head, Inputs: answers.inputs})
	p.carried = after.Values()
	p.count++
	return true, nil
}

// fits gives an error if not even one step fits.
func (r *Runner) fits(p *progress, name string) error {
	if p.count == 0 {
		return fmt.Errorf("edge: size %s is too small for a step of %s", r.Size.Name, name)
	}
	return nil
}

// hasRoom tells if the step that was just tried fits besides the others, and counts it if so.
func (r *Runner) hasRoom(p *progress) bool {
	w := r.World
	changed := 0
	for number := range w.pending.before {
		if !p.touched[number] {
			p.touch(number)
		}
	}
	for number := range p.touched {
		if number == registersPage || number == headerPage || w.page(number) != r.World.Pages[number] {
			changed++
		}
	}
	hashes, checks := len(w.used.hashes), len(w.used.checks)
	for key := range w.pending.hashes {
		if w.used.hashes[key] == nil {
			hashes++
		}
	}
	for key := range w.pending.checks {
		if w.used.checks[key] == nil {
			checks++
		}
	}
	if len(p.touched) <= r.Size.Pages+r.Size.ReadPages && changed <= r.Size.Pages && len(p.nodes) <= r.Size.Nodes &&
		hashes <= r.Size.Hashes && checks <= r.Size.Signatures {
		return true
	}
	p.forget(r.World)
	return false
}

// forget counts touched pages anew, without those of a step that did not fit.
func (p *progress) forget(w *World) {
	p.touched, p.nodes = map[int64]bool{}, map[[2]int64]bool{}
	p.touch(registersPage, headerPage)
	for number := range w.used.before {
		p.touch(number)
	}
}

// cursorOf is the cursor among what is carried.
func (r *Runner) cursorOf(carried []frontend.Variable) int64 {
	return evaluate.Int(carried[steps.CarriedCount-3])
}

// KindAt is the kind of the operation whose first word is at the cursor, -1 if it is skipped.
func (r *Runner) KindAt(cursor int64) int64 {
	if cursor >= int64(len(r.Segment.Words)) {
		return -1
	}
	bytes := r.Segment.Words[cursor].Bytes()
	return steps.KindOf(int64(bytes[1]), r.Segment.Inbox, r.Segment.OffChain, int64(len(r.Segment.Words))-cursor)
}

func fillTuples(tuples [][steps.TupleCells]frontend.Variable, page *Page) {
	for i := range tuples {
		for j := range tuples[i] {
			tuples[i][j] = page[i*steps.TupleCells+j]
		}
	}
}

// finish writes the two carried pages and fills all tables if the edge is wanted.
func (r *Runner) finish(c *Circuit, p *progress, place *Place, wanted bool) (*Edge, error) {
	a, api := integers.New(r.bus), r.bus.API()
	last := steps.Known(p.carried)
	place.CursorAfter, place.Steps = r.cursorOf(p.carried), p.count
	place.Flags.End = p.complete
	place.Flags.IdleAfter = evaluate.Int(last.Phase.Value) == machine.PhaseFetch
	if p.complete && place.Flags.Last && evaluate.Int(last.ClockMS.Value) < r.Segment.FloorMS {
		last.ClockMS = integers.Known(fr.NewElement(uint64(r.Segment.FloorMS)), timeBoundBits)
	}
	r.writeCarried(registersPage, last.StoreOperation(a, api, integers.Known(flagElement(place.Flags.IdleAfter), 1), tree.Cells), registerTuples)
	r.writeCarried(headerPage, last.StoreHeader(a, tree.Cells), headerTuples)
	u := r.World.used
	edge := &Edge{
		Circuit: c, Place: *place, Used: map[string]int{}, Before: r.Tree.Root(), Touched: len(p.touched), Nodes: len(p.nodes),
		Hashes: len(u.hashes), Signatures: len(u.checks), Changed: map[int64]bool{},
	}
	for number := range p.touched {
		after, written := u.pages[number]
		edge.Changed[number] = written && after != r.World.Pages[number]
	}
	for _, t := range steps.Tables {
		edge.Used[t.Name] = len(p.rows[t.Name])
	}
	if wanted {
		if err := r.fill(edge, p, &last); err != nil {
			return nil, err
		}
	}
	if err := r.advance(edge); err != nil {
		return nil, err
	}
	if wanted && r.Tree.Root() != edge.After {
		return nil, errors.New("edge: the tree and the rows have different roots")
	}
	return edge, nil
}

// writeCarried puts the new cells of a page that is carried.
func (r *Runner) writeCarried(number int64, cells []frontend.Variable, tuples int) {
	u := r.World.used
	page := r.World.Pages[number]
	u.before[number] = page
	for i := range cells {
		page[i] = evaluate.Value(cells[i])
	}
	u.pages[number] = page
	base := int64(0)
	if number == headerPage {
		base = registerTuples
	}
	for i := range int64(tuples) {
		u.last[number*tuplesOfPage+i] = base + i + 1
	}
}

// advance makes the state after the edge the one before the next.
func (r *Runner) advance(e *Edge) error {
	for number, page := range r.World.used.pages {
		r.World.Pages[number] = page
		if _, err := r.Tree.SetCells(number, (*[tree.Cells]fr.Element)(&page)); err != nil {
			return err
		}
	}
	r.Cursor, r.Begun = e.Place.CursorAfter, true
	r.Steps += e.Place.Steps
	return nil
}
