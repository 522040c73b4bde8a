package edge_test

import (
	"iter"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/steps"
)

// chunks reads the chunks that the engine made, if somebody has: tests/circuits/test_agreement.py does.
func chunks(t *testing.T) iter.Seq[*harness.Vector] {
	t.Helper()
	folder := os.Getenv("MILETUS_CHUNKS")
	if folder == "" {
		t.Skip("MILETUS_CHUNKS names no folder of chunks")
	}
	return harness.ReadFolder(t, folder)
}

// tally counts the steps of edges by their tables.
type tally map[string]int

func (c tally) add(e *edge.Edge) {
	for name, count := range e.Used {
		c[name] += count
	}
}

// report logs the counts, and fails for tables that were never met unless these are known to be few edges.
func (c tally) report(t *testing.T) {
	t.Helper()
	t.Log("steps", map[string]int(c))
	if os.Getenv("MILETUS_CHUNKS_EVERY") == "" {
		return
	}
	var never []string
	for _, table := range steps.Tables {
		if c[table.Name] == 0 {
			never = append(never, table.Name)
		}
	}
	if len(never) > 0 {
		t.Errorf("no chunk has a step of %s", strings.Join(never, ", "))
	}
}

// rule: 02-R05
// rule: 11-R01
func TestRandomChunksEndInTheEnginesRoot(t *testing.T) {
	counts := tally{}
	for v := range chunks(t) {
		run(t, testSize("test", 40), v, counts.add)
	}
	counts.report(t)
}

// solving is the size that chunks are solved in: room for one of the usual, since what is not used costs as much as
// what is.
func solving() *edge.Size {
	size := testSize("test", 2)
	size.Words, size.Nodes, size.Pages, size.ReadPages, size.Hashes = 64, 64, 26, 8, 16
	for name, rows := range map[string]int{
		"place_order": 4, "enter": 4, "ready": 4, "done": 8, "match": 4, "fill": 3, "take": 6, "unlink": 5, "approve": 4,
		"sheet_entry": 4, "refresh": 4,
	} {
		size.Steps[name] = rows
	}
	return size
}

// rule: 11-R02
func TestRandomChunksSatisfyTheCircuit(t *testing.T) {
	list := chunks(t)
	if os.Getenv("MILETUS_CHUNKS_SOLVE") == "" {
		t.Skip("MILETUS_CHUNKS_SOLVE is not set: the chunks were evaluated, not solved")
	}
	size := solving()
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	counts, edges, number := tally{}, 0, 0
	workers := newCrew(t, system)
	for v := range list {
		number++
		run(t, size, v, func(e *edge.Edge) {
			edges++
			counts.add(e)
			workers.take(v.Name, e)
		})
	}
	workers.wait()
	t.Log("constraints", system.GetNbConstraints(), "chunks", number, "edges", edges)
	counts.report(t)
}

// crew solves edges side by side, as gnark's own solver keeps little more than one core busy.
type crew struct {
	t      *testing.T
	system constraint.ConstraintSystem
	free   chan struct{}
	group  sync.WaitGroup
	failed atomic.Bool
}

func newCrew(t *testing.T, system constraint.ConstraintSystem) *crew {
	return &crew{t: t, system: system, free: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// take solves an edge as soon as a core is free.
func (s *crew) take(name string, e *edge.Edge) {
	if s.failed.Load() {
		s.t.FailNow()
	}
	witness, err := frontend.NewWitness(e.Circuit, ecc.BN254.ScalarField())
	if err != nil {
		s.t.Fatal(err)
	}
	s.free <- struct{}{}
	s.group.Go(func() {
		defer func() { <-s.free }()
		if _, err := s.system.Solve(witness, harness.Options()...); err != nil {
			s.failed.Store(true)
			s.t.Errorf("%s, words %d to %d: %v", name, e.Place.CursorBefore, e.Place.CursorAfter, err)
		}
	})
}

func (s *crew) wait() { s.group.Wait() }
