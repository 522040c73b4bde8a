package edge_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
)

// rule: 11-R01
func TestEdgesSatisfyTheCircuit(t *testing.T) {
	size := testSize("test", 3)
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("constraints", system.GetNbConstraints())
	for _, name := range []string{"garbage", "positions", "times_in_force", "cash", "expiry"} {
		run(t, size, harness.LoadVector(t, name), func(e *edge.Edge) {
			witness, err := frontend.NewWitness(e.Circuit, ecc.BN254.ScalarField())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := system.Solve(witness, harness.Options()...); err != nil {
				t.Fatalf("%s, words %d to %d: %v", name, e.Place.CursorBefore, e.Place.CursorAfter, err)
			}
		})
	}
}
