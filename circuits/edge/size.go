package edge

import (
	"fmt"

	"miletus/circuits/steps"
	"miletus/circuits/tree"
)

// Size is how many rows each table of a circuit has.
type Size struct {
	Name                      string
	Steps                     map[string]int // rows of each table of steps, by its name
	Pages, ReadPages, Nodes   int
	Signatures, Words, Hashes int
	RangeBits                 []int // range tables, rising
}

// carriedPages are those of registers and header, which every edge touches.
const carriedPages = 2

// Check tells what is wrong with a size: every kind of step has to fit at least once, wherever in the tree its pages
// lie (11-R03), and so have the words of any segment.
func (s *Size) Check() error {
	if s.Words < segmentWords || len(s.RangeBits) == 0 {
		return fmt.Errorf("edge: size %s has room for %d words and %d range tables", s.Name, s.Words, len(s.RangeBits))
	}
	for _, t := range steps.Tables {
		needs := evaluateBlank(t)
		pages := needs.opened + carriedPages
		switch {
		case s.Steps[t.Name] < 1:
			return fmt.Errorf("edge: size %s has no row for %s", s.Name, t.Name)
		case s.Pages < pages || s.Nodes < mostNodes(pages):
			return fmt.Errorf("edge: size %s: %s may touch %d pages under %d nodes", s.Name, t.Name, pages, mostNodes(pages))
		case s.Hashes < needs.hashed || s.Signatures < needs.verified:
			return fmt.Errorf("edge: size %s: %s asks for %d hashes and %d signatures", s.Name, t.Name, needs.hashed, needs.verified)
		}
	}
	return nil
}

// mostNodes is how many nodes lie over so many pages when they are as far apart as can be.
func mostNodes(pages int) (count int) {
	for level, width := tree.Depth, 1; level > 0; level, width = level-1, min(width*tree.Arity, pages) {
		count += min(width, pages)
	}
	return count
}

// timeBits is the width of the times of memory in a circuit of this size.
func (s *Size) timeBits() int {
	rows := 2
	for _, count := range s.Steps {
		rows += count
	}
	bits := 0
	for rows*steps.StepTimes >= 1<<bits {
		bits++
	}
	return bits
}
