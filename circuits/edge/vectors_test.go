package edge_test

import (
	"errors"
	"testing"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/steps"
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

// run takes a vector through all its segments, and gives each edge to `see`.
func run(t testing.TB, size *edge.Size, v *harness.Vector, see func(*edge.Edge)) {
	t.Helper()
	var r *edge.Runner
	for i := range v.Segments {
		r = v.Runner(t, size, i, r)
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
