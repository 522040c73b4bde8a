// Package chunk puts the tables of a proof together in the sizes of a circuit. What steps do with the tables is not
// decided here.
package chunk

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/hashes"
	"miletus/circuits/memory"
	"miletus/circuits/poseidon"
	"miletus/circuits/signatures"
	"miletus/circuits/tree"
	"miletus/circuits/words"
)

// Size is how many rows each table of a circuit has.
type Size struct {
	Pages, ReadPages, Nodes   int
	Signatures, Words, Hashes int
	TupleCells                int   // cells of a memory tuple: 1, 2, 4, 8 or 16
	TimeBits                  int   // accesses to memory are numbered below 2^TimeBits
	RangeBits                 []int // range tables, rising
}

// Check tells what is wrong with a size.
func (s *Size) Check() error {
	switch {
	case s.TupleCells < 1 || tree.Cells%s.TupleCells != 0:
		return fmt.Errorf("chunk: memory tuples of %d cells: give 1, 2, 4, 8 or 16", s.TupleCells)
	case s.Pages+s.ReadPages < 1 || s.Nodes < tree.Depth:
		return fmt.Errorf("chunk: %d pages and %d nodes: at least 1 and %d", s.Pages+s.ReadPages, s.Nodes, tree.Depth)
	case s.TimeBits < 1 || len(s.RangeBits) == 0:
		return fmt.Errorf("chunk: times of %d bits, range tables %v: at least 1 bit and one table", s.TimeBits, s.RangeBits)
	}
	return nil
}

// Public is what a proof says: the state before and after, and the segment.
type Public struct {
	RootBefore frontend.Variable `gnark:",public"`
	RootAfter  frontend.Variable `gnark:",public"`
	Segment    words.Binding
}

// Tables are the rows of a circuit.
type Tables struct {
	Pages      []tree.Page
	ReadPages  []tree.ReadPage
	Nodes      []tree.Node
	Signatures []signatures.Row
	Segment    words.Segment
	Hashes     []hashes.Row
}

// NewTables makes room for a size's rows.
func NewTables(size *Size) *Tables {
	t := &Tables{
		Pages:      make([]tree.Page, size.Pages),
		ReadPages:  make([]tree.ReadPage, size.ReadPages),
		Nodes:      make([]tree.Node, size.Nodes),
		Signatures: make([]signatures.Row, size.Signatures),
		Segment:    words.NewSegment(size.Words),
		Hashes:     make([]hashes.Row, size.Hashes),
	}
	for i := range t.Pages {
		t.Pages[i].Last = make([]frontend.Variable, tree.Cells/size.TupleCells)
	}
	for i := range t.ReadPages {
		t.ReadPages[i].Last = make([]frontend.Variable, tree.Cells/size.TupleCells)
	}
	return t
}

// Define makes the constraints of all tables and gives the memory that steps read and write. Words, signatures and
// hashes are looked up on the bus.
func (t *Tables) Define(b bus.Bus, size *Size, public *Public) *memory.Memory {
	hasher := poseidon.New(b.API())
	m := memory.New(b, size.TupleCells, size.TimeBits)
	state := tree.New(b, hasher, m)
	state.Root(public.RootBefore, public.RootAfter)
	for i := range t.Nodes {
		state.Node(&t.Nodes[i])
	}
	for i := range t.Pages {
		state.Page(&t.Pages[i])
	}
	for i := range t.ReadPages {
		state.ReadPage(&t.ReadPages[i])
	}
	signatures.Define(b, hasher, t.Signatures)
	words.Define(b, hasher, &t.Segment, &public.Segment)
	for i := range t.Hashes {
		hashes.Define(b, hasher, &t.Hashes[i])
	}
	return m
}
