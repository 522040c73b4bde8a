package edge_test

import (
	"os"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
)

// chunks reads the chunks that the engine made, if somebody has: tests/circuits/test_agreement.py does.
func chunks(t *testing.T) []harness.Vector {
	t.Helper()
	folder := os.Getenv("MILETUS_CHUNKS")
	if folder == "" {
		t.Skip("MILETUS_CHUNKS names no folder of chunks")
	}
	return harness.LoadFolder(t, folder)
}

// rule: 02-R05
// rule: 11-R01
func TestRandomChunksEndInTheEnginesRoot(t *testing.T) {
	steps := map[string]int{}
	for _, v := range chunks(t) {
		run(t, testSize("test", 200), &v, func(e *edge.Edge) {
			for name, count := range e.Used {
				steps[name] += count
			}
		})
	}
	t.Log("steps", steps)
}

// rule: 11-R02
func TestRandomChunksSatisfyTheCircuit(t *testing.T) {
	list := chunks(t)
	if os.Getenv("MILETUS_CHUNKS_SOLVE") == "" {
		t.Skip("MILETUS_CHUNKS_SOLVE is not set: the chunks were evaluated, not solved")
	}
	size := testSize("test", 6)
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	edges := 0
	for _, v := range list {
		run(t, size, &v, func(e *edge.Edge) {
			edges++
			witness, err := frontend.NewWitness(e.Circuit, ecc.BN254.ScalarField())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := system.Solve(witness, harness.Options()...); err != nil {
				t.Fatalf("%s, words %d to %d: %v", v.Name, e.Place.CursorBefore, e.Place.CursorAfter, err)
			}
		})
	}
	t.Log("constraints", system.GetNbConstraints(), "edges", edges)
}
