package prover

import (
	"miletus/circuits/edge"
	"miletus/circuits/steps"
)

// shape says how many rows a size has of what every operation uses, and of each kind of step.
type shape struct {
	name                                        string
	pages, readPages, nodes, signatures, hashes int
	rows                                        int            // of a kind of step that is not named below
	more                                        map[string]int // rows of kinds that a size has more of, or fewer
	rangeBits                                   []int
}

// Words of every size: a segment's words fit them all.
const segmentWords = 1024

var shapes = []shape{
	{name: "small", pages: 36, readPages: 24, nodes: 260, signatures: 4, hashes: 48, rows: 4, rangeBits: []int{8, 13}},
}

// Sizes are those that L1 has verifiers of, the smallest first.
func Sizes() []*edge.Size {
	sizes := make([]*edge.Size, len(shapes))
	for i := range shapes {
		sizes[i] = shapes[i].size()
	}
	return sizes
}

func (s *shape) size() *edge.Size {
	size := &edge.Size{
		Name: s.name, Steps: map[string]int{}, Pages: s.pages, ReadPages: s.readPages, Nodes: s.nodes,
		Signatures: s.signatures, Words: segmentWords, Hashes: s.hashes, RangeBits: s.rangeBits,
	}
	for _, table := range steps.Tables {
		size.Steps[table.Name] = s.rows
		if rows, named := s.more[table.Name]; named {
			size.Steps[table.Name] = rows
		}
	}
	return size
}

// findSize gives the size of a name, nil if there is none.
func findSize(name string) *edge.Size {
	for _, size := range Sizes() {
		if size.Name == name {
			return size
		}
	}
	return nil
}
