package edge_test

import (
	"testing"

	"miletus/circuits/edge"
)

// rule: 02-R04
// rule: 11-R03
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

// A size that is one row too small for the greatest step is refused.
func TestSizesThatAreTooSmall(t *testing.T) {
	for name, shrink := range map[string]func(*edge.Size){
		"a table of steps": func(s *edge.Size) { s.Steps["fill"] = 0 },
		"pages":            func(s *edge.Size) { s.Pages = 29 },
		"nodes":            func(s *edge.Size) { s.Nodes = 248 },
		"signatures":       func(s *edge.Size) { s.Signatures = 0 },
		"hashes":           func(s *edge.Size) { s.Hashes = 0 },
		"words":            func(s *edge.Size) { s.Words = 1023 },
		"ranges":           func(s *edge.Size) { s.RangeBits = nil },
	} {
		size := edge.Sizes()[0]
		shrink(size)
		if size.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
