package edge

import (
	"fmt"

	"miletus/circuits/steps"
)

// segmentWords is the most words that a segment has (spec 08-R03): they fit every size.
const segmentWords = 1024

// Sizes are those that L1 has verifiers of, the smallest first. Small proves a dispute's few steps or a batch of a few
// operations in the shortest time; medium and large prove throughput.
func Sizes() []*Size {
	return []*Size{
		newSize("small", 1, 40, 24, 260), newSize("medium", 10, 240, 160, 900), newSize("large", 50, 900, 500, 2600),
	}
}

// FindSize gives a size by its name.
func FindSize(name string) (*Size, error) {
	var names []string
	for _, size := range Sizes() {
		if size.Name == name {
			return size, nil
		}
		names = append(names, size.Name)
	}
	return nil, fmt.Errorf("edge: there is no size %q: give one of %v", name, names)
}

// rowsPerUnit is how many rows of each kind of step come with a unit of size, by what orders that rest, fill and are
// cancelled need; what is not named has one.
var rowsPerUnit = map[string]int{
	"place_order": 6, "amend": 2, "cancel": 4, "enter": 6, "ready": 8, "match": 12, "fill": 4, "rest": 6, "link": 6,
	"unlink": 8, "scan": 6, "refresh": 4, "take": 8, "finish": 4, "done": 16, "sheet_entry": 4, "approve": 4, "deposit": 2,
	"tick": 2, "skip": 4,
}

// newSize makes a size of so many units of steps.
func newSize(name string, units, pages, readPages, nodes int) *Size {
	size := &Size{
		Name: name, Steps: map[string]int{}, Pages: pages, ReadPages: readPages, Nodes: nodes,
		Signatures: 8 * units, Words: segmentWords, Hashes: 32 * units, RangeBits: []int{8, 13},
	}
	for _, t := range steps.Tables {
		size.Steps[t.Name] = max(1, rowsPerUnit[t.Name]) * units
	}
	return size
}
