package edge_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/steps"
	"miletus/native/poseidon"
	"miletus/native/segments"
)

// test is a size whose tables have so many rows that a vector fits into few edges.
func testSize(name string, rows int) *edge.Size {
	size := &edge.Size{
		Name: name, Steps: map[string]int{}, Pages: 40, ReadPages: 24, Nodes: 260, Signatures: 4, Words: 100, Hashes: 40,
		RangeBits: []int{8, 13},
	}
	for _, t := range steps.Tables {
		size.Steps[t.Name] = rows
	}
	return size
}

// runner stands before segment i of a vector, in the state that the segments before left.
func runner(t testing.TB, size *edge.Size, v *harness.Vector, i int, before *edge.Runner) *edge.Runner {
	t.Helper()
	words := v.Words(t, i)
	_, h, z, y, err := segments.BindData(words)
	if err != nil {
		t.Fatal(err)
	}
	rollup, _ := new(big.Int).SetString(v.Rollup, 0)
	segment := &edge.Segment{
		Inbox: v.Segments[i].Source == "inbox", TimeBoundMS: v.TimeBoundMS, Hash: h, Point: z, Value: y,
		Domain: poseidon.Hash7(poseidon.TagMessage, fr.NewElement(v.ChainID), *new(fr.Element).SetBigInt(rollup)),
		Payee:  fr.NewElement(0x1234),
	}
	for ; len(words) > 0; words = words[segments.Size:] {
		segment.Words = append(segment.Words, *new(fr.Element).SetBytes(words[:segments.Size]))
	}
	if before != nil {
		return edge.NewRunner(size, segment, before.Tree, before.World.Pages, false)
	}
	pages := map[int64]edge.Page{}
	for text, page := range v.PagesBefore {
		number := harness.PageNumber(t, text)
		pages[number] = harness.Cells(t, number, page)
	}
	return edge.NewRunner(size, segment, harness.Tree(t, v.PagesBefore), pages, false)
}

// run takes a vector through all its segments, and gives each edge to `see`.
func run(t testing.TB, size *edge.Size, v *harness.Vector, see func(*edge.Edge)) {
	t.Helper()
	var r *edge.Runner
	for i := range v.Segments {
		r = runner(t, size, v, i, r)
		for ended := false; !ended; {
			e, err := r.Next(0)
			if err != nil {
				t.Fatalf("%s, word %d: %v", v.Name, r.Cursor, err)
			}
			see(e)
			ended = e.Place.Flags.End
		}
		if root := harness.Root(t, v.Segments[i].RootAfter); r.Tree.Root() != root {
			if i == len(v.Segments)-1 {
				t.Error(difference(t, r, v))
			}
			t.Fatalf("%s: segment %d ends in another root", v.Name, i)
		}
	}
}

// difference names the first cell that is not the engine's.
func difference(t testing.TB, r *edge.Runner, v *harness.Vector) error {
	for text := range v.PagesBefore {
		expected, changed := v.PagesChanged[text]
		if !changed {
			expected = v.PagesBefore[text]
		}
		if err := compare(t, r, text, expected); err != nil {
			return err
		}
	}
	for text, expected := range v.PagesChanged {
		if err := compare(t, r, text, expected); err != nil {
			return err
		}
	}
	return errors.New("a page that the engine has not touched has changed")
}

func compare(t testing.TB, r *edge.Runner, text string, expected map[string]int64) error {
	number := harness.PageNumber(t, text)
	cells := harness.Cells(t, number, expected)
	return edge.CompareCells(number, r.World.Pages[number], cells)
}

// rule: 02-R01
// rule: 02-R05
func TestEveryVectorEndsInTheEnginesRoot(t *testing.T) {
	for _, v := range harness.LoadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			count := 0
			run(t, testSize("test", 40), &v, func(e *edge.Edge) { count += int(e.Place.Steps) })
			t.Log("steps", count)
		})
	}
}
