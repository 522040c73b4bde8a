// Package tree ties pages to the old and the new root of the state (spec 10-R01): rows of pages and of nodes,
// each with its old and its new hash, linked by the bus. What cells mean is no business of this package.
//
// Every row is a real page or node of the tree; a table that has room left takes untouched ones. A row takes
// (index, level, old hash) once, with its change of hash; only the root's claim and the children of rows give
// such tuples, a child at most once, with the change that its parent knows. So
//   - a row's chain of parents rises one level a link, in a finite table, and ends at the root: no row can link to
//     itself, whatever its content, and each index lies in its level's range without a check of its own;
//   - by induction from the root no page and no node has two rows;
//   - a child that is not linked can't have changed, and an unchanged row is bound as a changed one is.
package tree

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/memory"
	"miletus/circuits/poseidon"
)

const (
	// Depth is the number of levels of nodes over the pages, which are level 0.
	Depth = 10
	// Arity is the number of children of a node.
	Arity = 8
	// Cells is the number of cells of a page.
	Cells = 16
)

// Links is the sum that links rows: (index, level, old hash).
var Links = bus.Sum{Name: "tree", Width: 3}

// Page is a page whose cells may change.
type Page struct {
	Number        frontend.Variable
	Before, After [Cells]frontend.Variable
	Last          []frontend.Variable // of each memory tuple: the time of its last access
}

// ReadPage is a page whose cells stay.
type ReadPage struct {
	Number frontend.Variable
	Cells  [Cells]frontend.Variable
	Last   []frontend.Variable
}

// Node is an inner node; Linked is 1 for each child that has a row of its own.
type Node struct {
	Level, Index  frontend.Variable
	Before, After [Arity]frontend.Variable
	Linked        [Arity]frontend.Variable
}

// Tree makes the rows of one circuit.
type Tree struct {
	api    frontend.API
	bus    bus.Bus
	hasher *poseidon.Hasher
	memory *memory.Memory
}

// New makes a tree whose pages' cells are held by the memory.
func New(b bus.Bus, hasher *poseidon.Hasher, m *memory.Memory) *Tree {
	return &Tree{b.API(), b, hasher, m}
}

// Root claims that the rows lead from one root to the other. Once a circuit.
func (t *Tree) Root(before, after frontend.Variable) {
	before, after = bus.Settle(t.api, before), bus.Settle(t.api, after) // public inputs stay out of the commitment
	t.bus.PushChange(Links, 1, t.api.Sub(after, before), 0, Depth, before)
}

// Page adds a row.
func (t *Tree) Page(row *Page) {
	before := bus.Settle(t.api, t.hasher.HashPage(row.Before[:]))
	after := bus.Settle(t.api, t.hasher.HashPage(row.After[:]))
	t.take(row.Number, 0, before, after)
	t.hold(row.Number, row.Before[:], row.After[:], row.Last)
}

// ReadPage adds a row of a page that stays, at half the price.
func (t *Tree) ReadPage(row *ReadPage) {
	hash := bus.Settle(t.api, t.hasher.HashPage(row.Cells[:]))
	t.take(row.Number, 0, hash, hash)
	t.hold(row.Number, row.Cells[:], nil, row.Last)
}

// Node adds a row.
func (t *Tree) Node(row *Node) {
	before := bus.Settle(t.api, t.hasher.HashNode(row.Before[:]))
	after := bus.Settle(t.api, t.hasher.HashNode(row.After[:]))
	t.take(row.Index, row.Level, before, after)
	level := t.api.Sub(row.Level, 1)
	for j := range Arity {
		t.api.AssertIsBoolean(row.Linked[j])
		index := t.api.Add(t.api.Mul(row.Index, Arity), j)
		t.bus.PushChange(Links, row.Linked[j], t.api.Sub(row.After[j], row.Before[j]), index, level, row.Before[j])
	}
}

// take takes the tuple of a row.
func (t *Tree) take(index, level, before, after frontend.Variable) {
	t.bus.PushChange(Links, -1, t.api.Sub(before, after), index, level, before)
}

// hold opens and closes the cells of a page in memory.
func (t *Tree) hold(number frontend.Variable, before, after, last []frontend.Variable) {
	width := t.memory.Width
	if len(last) != Cells/width {
		panic("tree: a page has one time a memory tuple")
	}
	for i := range last {
		address := t.api.Add(t.api.Mul(number, Cells/width), i)
		var changed []frontend.Variable
		if after != nil {
			changed = after[i*width : (i+1)*width]
		}
		t.memory.Hold(address, before[i*width:(i+1)*width], changed, last[i])
	}
}
