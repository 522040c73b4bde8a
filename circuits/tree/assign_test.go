package tree_test

import (
	"errors"
	"testing"

	"miletus/circuits/layout"
	"miletus/circuits/tree"
	native "miletus/native/tree"
)

func newState(t *testing.T) *native.Tree {
	t.Helper()
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		t.Fatal(err)
	}
	return native.New(packing)
}

func touch(numbers ...int64) (touched []tree.Touched) {
	for _, number := range numbers {
		touched = append(touched, tree.Touched{Number: number, Last: make([]int64, 4)})
	}
	return touched
}

func TestTablesAreFilledWithUntouchedPages(t *testing.T) {
	state := newState(t)
	for _, size := range [][3]int{{1, 0, 10}, {8, 0, 10}, {5, 3, 10}, {64, 0, 17}, {100, 100, 41}, {3, 9, 200}} {
		touched := touch(8192)
		touched[0].After[0].SetUint64(5)
		rows, err := tree.Assign(state, touched, 4, size[0], size[1], size[2])
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if len(rows.Pages) != size[0] || len(rows.ReadPages) != size[1] || len(rows.Nodes) != size[2] {
			t.Errorf("%v: %d, %d and %d rows", size, len(rows.Pages), len(rows.ReadPages), len(rows.Nodes))
		}
		seen := map[any]bool{}
		for _, page := range rows.Pages {
			seen[page.Number] = true
		}
		for _, page := range rows.ReadPages {
			seen[page.Number] = true
		}
		if len(seen) != size[0]+size[1] {
			t.Errorf("%v: only %d different pages", size, len(seen))
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	state := newState(t)
	changed := touch(0, 1)
	changed[0].After[0].SetUint64(1)
	changed[1].After[0].SetUint64(1)
	for name, assign := range map[string]func() (*tree.Rows, error){
		"too many pages":         func() (*tree.Rows, error) { return tree.Assign(state, touch(0, 1, 2), 4, 1, 1, 10) },
		"too many changed pages": func() (*tree.Rows, error) { return tree.Assign(state, changed, 4, 1, 3, 10) },
		"too many nodes":         func() (*tree.Rows, error) { return tree.Assign(state, touch(0, 1<<29), 4, 2, 0, 10) },
		"no pages for the rest":  func() (*tree.Rows, error) { return tree.Assign(state, touch(0), 4, 9, 0, 10) },
	} {
		if _, err := assign(); !errors.Is(err, tree.ErrTooSmall) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tree.Assign(state, touch(3, 3), 4, 2, 0, 10); err == nil {
		t.Error("a page was taken twice")
	}
	if _, err := tree.Assign(state, touch(3), 8, 1, 0, 10); err == nil {
		t.Error("a page was taken with times of another width")
	}
	if _, err := tree.Assign(state, touch(native.Pages), 4, 1, 0, 20); err == nil {
		t.Error("a page past the last was taken")
	}
	forged := touch(3)
	forged[0].Before[0].SetUint64(9)
	forged[0].After = forged[0].Before
	if _, err := tree.Assign(state, forged, 4, 1, 0, 10); err == nil {
		t.Error("a page was taken that is not the tree's")
	}
}
