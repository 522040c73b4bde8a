// Package edge is the circuit of an edge: some steps of the machine between two roots, over the words of a segment
// (spec 11). Sizes of it differ in the number of rows alone.
package edge

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/chunk"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/memory"
	"miletus/circuits/steps"
	"miletus/circuits/words"
)

// Circuit is an edge of a size.
type Circuit struct {
	Public Public
	// PlaceParts and TimeParts are the public inputs of the same names, cut.
	PlaceParts [11]frontend.Variable
	TimeParts  [2]frontend.Variable
	// Registers and Header are the two pages that are carried from step to step, in tuples.
	Registers [registerTuples][steps.TupleCells]frontend.Variable
	Header    [headerTuples][steps.TupleCells]frontend.Variable
	// Final is what the last step leaves.
	Final  []frontend.Variable
	Tables *chunk.Tables
	// Rows are the tables of steps, in the order of steps.Tables.
	Rows [][]Row

	size Size
}

// Row is a row of a table of steps.
type Row struct {
	Head   steps.Head
	Inputs []frontend.Variable
}

// New makes a circuit without values.
func New(size *Size) *Circuit {
	c := &Circuit{Tables: chunk.NewTables(size.chunk()), size: *size, Final: make([]frontend.Variable, steps.CarriedCount)}
	for _, table := range steps.Tables {
		rows := make([]Row, size.Steps[table.Name])
		for i := range rows {
			rows[i].Inputs = make([]frontend.Variable, inputCount(table))
		}
		c.Rows = append(c.Rows, rows)
	}
	return c
}

func (s *Size) chunk() *chunk.Size {
	return &chunk.Size{
		Pages: s.Pages, ReadPages: s.ReadPages, Nodes: s.Nodes, Signatures: s.Signatures, Words: s.Words, Hashes: s.Hashes,
		TupleCells: steps.TupleCells, TimeBits: s.timeBits(), RangeBits: s.RangeBits,
	}
}

// Define is what gnark calls.
func (c *Circuit) Define(api frontend.API) error {
	c.DefineOn(bus.New(api, c.size.RangeBits...))
	return nil
}

// DefineOn makes the constraints on a bus.
func (c *Circuit) DefineOn(b bus.Bus) {
	api, a := b.API(), integers.New(b)
	parts := cut(a, api, c.Public.Place, c.PlaceParts[:], placeBits, offsets(placeBits))
	times := cut(a, api, c.Public.Times, c.TimeParts[:], []int{timeBoundBits, timeBoundBits}, []int{0, 64})
	place := readPlace(parts)
	bindPayee(api, c.Public.Payee)
	state := c.Tables.Define(b, c.size.chunk(), &chunk.Public{
		RootBefore: c.Public.RootBefore, RootAfter: c.Public.RootAfter,
		Segment: words.Binding{Count: parts[0].Value, Hash: c.Public.Hash, Point: c.Public.Point, Value: c.Public.Value},
	})
	shared := &steps.Shared{Bus: b, Memory: state, Batch: steps.Batch{
		Words: place.words, Inbox: place.inbox, OffChain: place.offChain, TimeBoundMS: times[0], Domain: bus.Settle(api, c.Public.Domain),
	}}
	for i, table := range steps.Tables {
		for j := range c.Rows[i] {
			row := &c.Rows[i][j]
			steps.Define(shared, table, &row.Head, &steps.Inputs{Wires: row.Inputs})
		}
	}
	c.defineEnds(shared, a, place, times[1])
}

// bindPayee gives the payee a constraint, without which its public input would mean nothing to the verifier: any other
// would do as well.
func bindPayee(api frontend.API, payee frontend.Variable) {
	bus.Settle(api, payee)
}

// placeWires is the public input place, cut.
type placeWires struct {
	words, cursorBefore, cursorAfter, steps                  integers.Integer
	inbox, begin, end, last, offChain, idleBefore, idleAfter integers.Integer
}

func readPlace(p []integers.Integer) *placeWires {
	return &placeWires{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10]}
}

// defineEnds ties what the first step takes and the last one leaves to the pages of registers and header, to the
// place, and to the batch's beginning and end.
func (c *Circuit) defineEnds(shared *steps.Shared, a *integers.Arithmetic, p *placeWires, floorMS integers.Integer) {
	api := shared.Bus.API()
	first := c.loadRegisters(a, api)
	api.AssertIsEqual(a.IsZero(first.Phase).Value, p.idleBefore.Value)
	assertIf(api, p.begin, a.Mul(p.idleBefore, p.inbox), integers.Constant(1))
	assertIf(api, p.begin, p.cursorBefore, integers.Constant(0))
	first.Begin(a, api, p.begin)
	first.Cursor = p.cursorBefore
	first.NarrowCursor(a)
	steps.Begin(shared, &first)
	last := steps.End(shared, p.steps.Value, c.Final)
	api.AssertIsEqual(a.IsZero(last.Phase).Value, p.idleAfter.Value)
	api.AssertIsEqual(last.Cursor.Value, p.cursorAfter.Value)
	assertIf(api, p.end, p.idleAfter, integers.Constant(1))
	assertIf(api, p.end, p.cursorAfter, p.words)
	raise := a.And(p.end, p.last, a.IsLess(last.ClockMS, floorMS))
	last.ClockMS = a.Select(raise, floorMS, last.ClockMS)
	api.AssertIsEqual(last.Outbox, c.Public.OutboxAfter)
	c.storeRegisters(shared.Memory, a, api, &last, p.idleAfter)
}

func assertIf(api frontend.API, bit, x, y integers.Integer) {
	api.AssertIsEqual(api.Mul(bit.Value, api.Sub(x.Value, y.Value)), 0)
}

// loadRegisters reads the two carried pages.
func (c *Circuit) loadRegisters(a *integers.Arithmetic, api frontend.API) (r steps.Registers) {
	var cells []frontend.Variable
	for i := range c.Registers {
		cells = append(cells, c.Registers[i][:]...)
	}
	r.LoadOperation(a, api, cells)
	cells = nil
	for i := range c.Header {
		cells = append(cells, c.Header[i][:]...)
	}
	r.LoadHeader(a, api, cells)
	return r
}

// storeRegisters replaces the two carried pages. Each of their tuples is accessed this once.
func (c *Circuit) storeRegisters(state *memory.Memory, a *integers.Arithmetic, api frontend.API, r *steps.Registers, idle integers.Integer) {
	time := 1
	replace := func(page int64, tuples [][steps.TupleCells]frontend.Variable, after []frontend.Variable) {
		for i := range tuples {
			address := page*(layout.Cells/steps.TupleCells) + int64(i)
			state.Write(1, address, 0, time, tuples[i][:], after[i*steps.TupleCells:(i+1)*steps.TupleCells])
			time++
		}
	}
	replace(layout.MachineRegion+layout.MachineRegisters, c.Registers[:], r.StoreOperation(a, api, idle, registerTuples*steps.TupleCells))
	replace(layout.MachineRegion+layout.MachineHeader, c.Header[:], r.StoreHeader(a, headerTuples*steps.TupleCells))
}

func offsets(bits []int) []int {
	list, sum := make([]int, len(bits)), 0
	for i, n := range bits {
		list[i] = sum
		sum += n
	}
	return list
}
