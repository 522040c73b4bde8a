package edge_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
)

// Without the words of signatures a segment leads to the same state as with them.
//
// rule: 11-R08
func TestSignaturesOffTheChainLeadToTheSameState(t *testing.T) {
	for _, name := range []string{"ladders", "times_in_force", "cash", "sheet_and_index"} {
		v := harness.LoadVector(t, name)
		r := v.OffChain(t, testSize("test", 40))
		for ended := false; !ended; {
			e, err := r.Next(0)
			if err != nil {
				t.Fatalf("%s, word %d: %v", name, r.Cursor, err)
			}
			ended = e.Place.Flags.End
		}
		if r.Tree.Root() != harness.Root(t, v.Segments[0].RootAfter) {
			t.Error(difference(t, r, v))
		}
	}
}

// rule: 11-R08
func TestEdgesWithoutSignaturesSatisfyTheCircuit(t *testing.T) {
	size := testSize("test", 3)
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	r := harness.LoadVector(t, "ladders").OffChain(t, size)
	for range 2 {
		e, err := r.Next(0)
		if err != nil {
			t.Fatal(err)
		}
		witness, err := frontend.NewWitness(e.Circuit, ecc.BN254.ScalarField())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := system.Solve(witness, harness.Options()...); err != nil {
			t.Fatalf("words %d to %d: %v", e.Place.CursorBefore, e.Place.CursorAfter, err)
		}
	}
}
