package edge_test

import (
	"testing"

	"miletus/circuits/edge"
)

func TestSizesAreWhole(t *testing.T) {
	for _, size := range edge.Sizes() {
		if err := size.Check(); err != nil {
			t.Error(err)
		}
		if found, err := edge.FindSize(size.Name); err != nil || found.Pages != size.Pages {
			t.Errorf("%s is not found by its name: %v", size.Name, err)
		}
	}
	if _, err := edge.FindSize("huge"); err == nil {
		t.Error("a size that there is not was found")
	}
}
