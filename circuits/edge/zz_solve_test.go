package edge_test

import (
	"os"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
)

func TestZZSolve(t *testing.T) {
	names := os.Getenv("VECS")
	if names == "" { t.Skip() }
	size := testSize("test", 3)
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("constraints", system.GetNbConstraints())
	for _, name := range strings.Split(names, ",") {
		n := 0
		run(t, size, harness.LoadVector(t, name), func(e *edge.Edge) {
			witness, err := frontend.NewWitness(e.Circuit, ecc.BN254.ScalarField())
			if err != nil {
				t.Fatal(err)
			}
			n++
			if _, err := system.Solve(witness, harness.Options()...); err != nil {
				t.Fatalf("%s, words %d to %d: %v", name, e.Place.CursorBefore, e.Place.CursorAfter, err)
			}
		})
		t.Log(name, n, "edges")
	}
}
