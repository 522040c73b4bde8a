package chunk_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/chunk"
	"miletus/circuits/internal/harness"
	"miletus/circuits/tree"
)

var small = chunk.Size{
	Pages: 12, ReadPages: 12, Nodes: 90, Signatures: 2, Words: 42, Hashes: 12,
	TupleCells: 4, TimeBits: 8, RangeBits: []int{8},
}

var smallUses = harness.Uses{Accesses: 80, Signatures: 2, Hashes: 12, Words: 42}

// collectTouched lists the pages of a vector that exist before or after, changed ones first.
func collectTouched(t testing.TB, v *harness.Vector) (touched []tree.Touched) {
	var unchanged []tree.Touched
	for text, page := range v.PagesChanged {
		number := harness.PageNumber(t, text)
		touched = append(touched, tree.Touched{
			Number: number,
			Before: harness.Cells(t, number, v.PagesBefore[text]),
			After:  harness.Cells(t, number, page),
		})
	}
	for text, page := range v.PagesBefore {
		if _, changed := v.PagesChanged[text]; !changed {
			number := harness.PageNumber(t, text)
			cells := harness.Cells(t, number, page)
			unchanged = append(unchanged, tree.Touched{Number: number, Before: cells, After: cells})
		}
	}
	return append(touched, unchanged...)
}

// rule: 02-R01
// rule: 10-R01
// rule: 10-R08
func TestVectorsFromRootToRoot(t *testing.T) {
	system, err := harness.Compile(harness.DefineProgram(&small, smallUses), len(harness.Flatten(harness.NewProgram(&small, smallUses))), small.RangeBits)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("constraints", system.GetNbConstraints())
	proved := 0
	for _, v := range harness.LoadVectors(t) {
		last := len(v.Segments) - 1
		if len(v.PagesChanged) > small.Pages || len(v.Segments[last].Words) > small.Words {
			continue
		}
		before := harness.Tree(t, v.PagesBefore)
		expected := harness.Root(t, v.RootBefore)
		if root := before.Root(); !root.Equal(&expected) {
			t.Fatalf("%s: the tree of the pages before has another root", v.Name)
		}
		program := harness.NewProgram(&small, smallUses)
		touched := collectTouched(t, &v)
		program.Touch(touched, small.TupleCells)
		after, err := program.SetTree(before, touched, &small)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if expected = harness.Root(t, v.Segments[last].RootAfter); !after.Equal(&expected) {
			t.Fatalf("%s: the rows lead to another root", v.Name)
		}
		if err := program.SetWords(v.Words(t, last)); err != nil {
			t.Fatal(err)
		}
		if err := harness.Solve(system, harness.Flatten(program)); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		var one fr.Element
		one.SetOne()
		after.Add(&after, &one)
		program.Public.RootAfter = after
		if err := harness.Solve(system, harness.Flatten(program)); err == nil {
			t.Fatalf("%s: another root was proved", v.Name)
		}
		proved++
	}
	if proved < 3 {
		t.Fatalf("only %d vectors fit this size", proved)
	}
}
