package prover

import (
	"fmt"
	"slices"

	"miletus/circuits/edge"
	"miletus/circuits/steps"
)

// Measured is what one operation, or one edge, uses of a circuit's tables.
type Measured struct {
	Kind       int64          `json:"kind"` // of the operation, -1 if it is skipped; of an edge that of its first
	Words      int64          `json:"words"`
	Steps      int64          `json:"steps"`
	Operations int            `json:"operations"`
	Used       map[string]int `json:"used"` // rows by table of steps
	Hashes     int            `json:"hashes"`
	Signatures int            `json:"signatures"`
	Pages      []int64        `json:"pages"`   // touched, rising; those that every edge carries are among them
	Changed    []int64        `json:"changed"` // of them, those that are another after it
	Nodes      int            `json:"nodes"`
}

// everything is a size that no operation fills.
func everything() *edge.Size {
	const rows = 1 << 20
	size := &edge.Size{
		Name: "everything", Steps: map[string]int{}, Pages: rows, ReadPages: rows, Nodes: rows, Signatures: rows, Words: rows,
		Hashes: rows, RangeBits: []int{8, 13},
	}
	for _, table := range steps.Tables {
		size.Steps[table.Name] = rows
	}
	return size
}

// MeasureOperations runs a job's first segment, and tells what each operation uses by itself.
func MeasureOperations(job *EdgesJob) (list []*Measured, err error) {
	runner, err := job.measure()
	if err != nil {
		return nil, err
	}
	runner.Size = everything()
	for runner.Cursor < int64(len(runner.Segment.Words)) {
		whole := &Measured{Kind: runner.KindAt(runner.Cursor), Operations: 1, Used: map[string]int{}}
		for idle := false; !idle; {
			step, err := runner.Count(1)
			if err != nil {
				return nil, fmt.Errorf("prover: operation %d: %w", len(list), err)
			}
			whole.add(step)
			idle = step.Place.Flags.IdleAfter
		}
		list = append(list, whole)
	}
	return list, nil
}

// MeasureEdges runs a job's first segment in edges of a size, whatever the job's is.
func MeasureEdges(job *EdgesJob, size string) (list []*Measured, err error) {
	other := *job
	other.Size = size
	runner, err := other.measure()
	if err != nil {
		return nil, err
	}
	for runner.Cursor < int64(len(runner.Segment.Words)) {
		whole := &Measured{Kind: runner.KindAt(runner.Cursor), Used: map[string]int{}}
		made, err := runner.Count(0)
		if err != nil {
			return nil, fmt.Errorf("prover: edge %d: %w", len(list), err)
		}
		whole.add(made)
		whole.Operations, whole.Nodes = made.Used["done"], made.Nodes
		list = append(list, whole)
	}
	return list, nil
}

// measure stands before the first segment of a job.
func (j *EdgesJob) measure() (*edge.Runner, error) {
	source, err := j.open()
	if err != nil {
		return nil, err
	}
	return source.(*edges).runner, nil
}

// add takes steps to what is measured.
func (m *Measured) add(e *edge.Edge) {
	m.Words += e.Place.CursorAfter - e.Place.CursorBefore
	m.Steps += e.Place.Steps
	m.Hashes += e.Hashes
	m.Signatures += e.Signatures
	for name, count := range e.Used {
		if count > 0 {
			m.Used[name] += count
		}
	}
	for number, changed := range e.Changed {
		if !slices.Contains(m.Pages, number) {
			m.Pages = append(m.Pages, number)
		}
		if changed && !slices.Contains(m.Changed, number) {
			m.Changed = append(m.Changed, number)
		}
	}
	slices.Sort(m.Pages)
	slices.Sort(m.Changed)
}
