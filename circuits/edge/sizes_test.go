package edge_test

import (
	"testing"

	"miletus/circuits/edge"
)

func TestSizesAreWhole(t *testing.T) {
	for _, name := range edge.Sizes() {
		size, err := edge.FindSize(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := size.Check(); err != nil {
			t.Error(err)
		}
	}
	if _, err := edge.FindSize("huge"); err == nil {
		t.Error("a size that there is not was found")
	}
}

func TestSmallCount(t *testing.T) {
	size, _ := edge.FindSize("small")
	t.Log(count(t, size))
}
