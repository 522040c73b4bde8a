package soundness_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/memory"
	"miletus/circuits/poseidon"
	"miletus/circuits/tree"
	native "miletus/native/tree"
)

// rowsOf is what a tree's circuit is about: one path of nodes from the root, over two pages that may change and one
// that is read.
type rowsOf struct {
	Before, After frontend.Variable
	Pages         []tree.Page
	ReadPages     []tree.ReadPage
	Nodes         []tree.Node
	Written       frontend.Variable
}

const (
	firstPage  = 8192
	secondPage = 8193
	thirdPage  = 8194
)

// level is the row of the path at a level, from 1.
func (r *rowsOf) level(n int) *tree.Node { return &r.Nodes[n-1] }

// rehash computes the path's hashes anew, as a prover would who has changed something at its lower end: child is
// the place of the change under the lowest node.
func (r *rowsOf) rehash() {
	for n := 1; n <= tree.Depth; n++ {
		before, after := hashChildren(r.level(n).Before), hashChildren(r.level(n).After)
		if n == tree.Depth {
			r.Before, r.After = before, after
			return
		}
		own := int64(firstPage)
		for range n {
			own /= tree.Arity
		}
		r.level(n + 1).Before[own%tree.Arity], r.level(n + 1).After[own%tree.Arity] = before, after
	}
}

func hashChildren(children [tree.Arity]frontend.Variable) fr.Element {
	var state [tree.Arity]fr.Element
	for i := range state {
		state[i].SetInterface(children[i])
	}
	return nativeNode(state)
}

func treeSubjects(t testing.TB) []subject {
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		t.Fatal(err)
	}
	state := native.New(packing)
	var touched [3]tree.Touched
	for i, number := range []int64{firstPage, secondPage, thirdPage} {
		touched[i] = tree.Touched{Number: number, Last: []int64{0}}
	}
	touched[0].After[3].SetUint64(44)
	touched[0].Last[0] = 1
	witness := func(change func(r *rowsOf)) []frontend.Variable {
		rows, err := tree.Assign(state, touched[:], 16, 2, 1, tree.Depth)
		if err != nil {
			t.Fatal(err)
		}
		r := &rowsOf{state.Root(), rows.RootAfter, rows.Pages, rows.ReadPages, rows.Nodes, 44}
		change(r)
		return harness.Flatten(r)
	}
	define := func(b bus.Bus, in []frontend.Variable) {
		r := &rowsOf{Pages: make([]tree.Page, 2), ReadPages: make([]tree.ReadPage, 1), Nodes: make([]tree.Node, tree.Depth)}
		for i := range r.Pages {
			r.Pages[i].Last = make([]frontend.Variable, 1)
		}
		r.ReadPages[0].Last = make([]frontend.Variable, 1)
		harness.Fill(in, r)
		m := memory.New(b, 16, 4)
		state := tree.New(b, poseidon.New(b.API()), m)
		state.Root(r.Before, r.After)
		for i := range r.Nodes {
			state.Node(&r.Nodes[i])
		}
		for i := range r.Pages {
			state.Page(&r.Pages[i])
		}
		state.ReadPage(&r.ReadPages[0])
		after := make([]frontend.Variable, 16)
		after[3] = r.Written
		m.Write(1, firstPage, 0, 1, []frontend.Variable{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, after)
	}
	links, cells := []string{"sum:tree"}, []string{"sum:memory of 16"}
	one := fr.One()
	return []subject{{
		name:    "tree",
		gadgets: []string{"tree.(*Tree).Root", "tree.(*Tree).Node", "tree.(*Tree).take"}, ranges: []int{4}, define: define,
		honest: witness(func(*rowsOf) {}),
		attacks: []attack{
			{name: "another old root", inputs: witness(func(r *rowsOf) { r.Before = one }), off: links},
			{name: "another new root", inputs: witness(func(r *rowsOf) { r.After = one }), off: links},
			{name: "change that the root does not have", inputs: witness(func(r *rowsOf) { r.After = r.Before }), off: links},
			{name: "page not linked", inputs: witness(func(r *rowsOf) { r.level(1).Linked[0] = 0 }), off: links},
			{name: "read page not linked", inputs: witness(func(r *rowsOf) { r.level(1).Linked[1] = 0 }), off: links},
			{name: "linked without a row", inputs: witness(func(r *rowsOf) { r.level(1).Linked[5] = 1 }), off: links},
			{name: "node not linked", inputs: witness(func(r *rowsOf) { r.level(4).Linked[0] = 0 }), off: links},
			{name: "page of another number", inputs: witness(func(r *rowsOf) { r.ReadPages[0].Number = secondPage + 2 }), off: links},
			{name: "node of another place", inputs: witness(func(r *rowsOf) { r.level(1).Index = 7 }), off: append(cells, links...)},
			{name: "node of another level", inputs: witness(func(r *rowsOf) { r.level(1).Level = 2 }), off: links},
			{name: "node that is its own parent", inputs: witness(func(r *rowsOf) {
				r.level(2).Level, r.level(2).Index = r.level(3).Level, r.level(3).Index
			}), off: links},
			{name: "forged read page", inputs: witness(func(r *rowsOf) { r.ReadPages[0].Cells[9] = 1 }), off: links},
			{name: "forged old page", inputs: witness(func(r *rowsOf) {
				r.Pages[1].Before[9], r.Pages[1].After[9] = 1, 1
			}), off: links},
			{name: "child changed that has no row", inputs: witness(func(r *rowsOf) {
				r.level(1).After[6] = one
				r.rehash()
			}), off: links},
			{name: "page opened by two rows", inputs: witness(func(r *rowsOf) {
				// two rows are the first page's sibling, which the parent links twice
				r.Pages[1].Number, r.ReadPages[0].Number = secondPage, secondPage
				r.level(1).Linked[1], r.level(1).Linked[2] = 2, 0
			}), off: []string{"assert:tree.(*Tree).Node"}},
			{name: "written cell lost", inputs: witness(func(r *rowsOf) { r.Written = 45 }), off: cells},
			{name: "page changed without a write", inputs: witness(func(r *rowsOf) {
				r.Pages[1].After[0] = 1
				r.level(1).After[thirdPage%tree.Arity] = nativePage(r.Pages[1].After)
				r.rehash()
			}), off: cells},
		},
	}}
}
