package edge_test

import (
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
)

// fewVectors are those that are solved when time is short.
var fewVectors = []string{"garbage", "positions", "times_in_force", "cash", "expiry"}

// rule: 11-R01
func TestEdgesSatisfyTheCircuit(t *testing.T) {
	size := solving()
	size.Words = 100
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("constraints", system.GetNbConstraints())
	workers := newCrew(t, system)
	for _, v := range harness.LoadVectors(t) {
		if testing.Short() && !slices.Contains(fewVectors, v.Name) {
			continue
		}
		run(t, size, &v, func(e *edge.Edge) { workers.take(v.Name, e) })
	}
	workers.wait()
}
