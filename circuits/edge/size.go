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

// Check tells what is wrong with a size: every kind of step has to fit at least once.
func (s *Size) Check() error {
	for _, t := range steps.Tables {
		if s.Steps[t.Name] < 1 {
			return fmt.Errorf("edge: size %s has no row for %s", s.Name, t.Name)
		}
	}
	if s.Pages < 1 || s.Nodes < tree.Depth || s.Signatures < 1 || s.Hashes < 1 || s.Words < 1 || len(s.RangeBits) == 0 {
		return fmt.Errorf("edge: size %s has an empty table", s.Name)
	}
	return nil
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

// steps counts the rows of all tables of steps.
func (s *Size) steps() (count int) {
	for _, n := range s.Steps {
		count += n
	}
	return count
}
