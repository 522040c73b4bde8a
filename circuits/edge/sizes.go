package edge

import (
	"fmt"

	"miletus/circuits/steps"
)

// segmentWords is the most words that a segment has (spec 08-R03): they fit every size.
const segmentWords = 1024

// Sizes are those that L1 has verifiers of, the smallest first. Small proves a dispute's few steps or a batch of a few
// operations in the shortest time. Medium and large prove throughput: some 64 operations, and a whole segment of signed
// ones, of a market where makers requote.
func Sizes() []*Size {
	return []*Size{newSmall(), newFlow("medium", 64, 250, 190, 600), newFlow("large", 341, 1000, 600, 1850)}
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

// smallRows is how many rows of each kind of step the smallest size has; what is not named has one.
var smallRows = map[string]int{
	"place_order": 6, "amend": 2, "cancel": 4, "enter": 6, "ready": 8, "match": 12, "fill": 4, "rest": 6, "link": 6,
	"unlink": 8, "scan": 6, "refresh": 4, "take": 8, "finish": 4, "done": 16, "sheet_entry": 4, "approve": 4, "deposit": 2,
	"tick": 2, "skip": 4,
}

func newSmall() *Size {
	size := &Size{
		Name: "small", Steps: map[string]int{}, Pages: 40, ReadPages: 24, Nodes: 260,
		Signatures: 8, Words: segmentWords, Hashes: 32, RangeBits: []int{8, 13},
	}
	for _, t := range steps.Tables {
		size.Steps[t.Name] = max(1, smallRows[t.Name])
	}
	return size
}

// flowRows is how many rows of each kind of step a hundred operations of a market need (benchmarks/bench_proofs.py
// counts them), with a tenth to spare; what is not named is rare and has two.
var flowRows = map[string]int{
	"place_order": 92, "amend": 7, "cancel": 18, "enter": 94, "ready": 94, "match": 112, "fill": 27, "rest": 83, "link": 83,
	"unlink": 32, "scan": 10, "refresh": 35, "take": 19, "finish": 14, "done": 102, "sheet_entry": 10, "approve": 5,
	"deposit": 10, "publish": 10, "clear": 5, "sweep": 5, "transfer": 5, "withdraw": 5, "pay": 5, "skip": 5,
}

// newFlow makes a size for so many operations of a market.
func newFlow(name string, operations, pages, readPages, nodes int) *Size {
	size := &Size{
		Name: name, Steps: map[string]int{}, Pages: pages, ReadPages: readPages, Nodes: nodes, Signatures: operations + 4,
		Words: segmentWords, Hashes: 2*operations + 24, RangeBits: []int{8, 13},
	}
	for _, t := range steps.Tables {
		size.Steps[t.Name] = (max(2, flowRows[t.Name])*operations + 99) / 100
	}
	return size
}
