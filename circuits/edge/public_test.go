package edge_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
)

// The verifier on L1 takes one commitment, to no public input; and every public input has a constraint.
//
// rule: 11-R09
// rule: 11-R10
func TestPublicInputsAreTiedAndNotCommitted(t *testing.T) {
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(tiny()))
	if err != nil {
		t.Fatal(err)
	}
	commitments := system.GetCommitments().(constraint.Groth16Commitments)
	if len(commitments) != 1 || len(commitments[0].PublicAndCommitmentCommitted) != 0 {
		t.Fatalf("commitments %v", commitments)
	}
	used := map[int]bool{}
	for _, r := range system.(*cs.R1CS).GetR1Cs() {
		for _, side := range []constraint.LinearExpression{r.L, r.R, r.O} {
			for _, term := range side {
				used[term.WireID()] = true
			}
		}
	}
	for wire := range system.GetNbPublicVariables() {
		if !used[wire] {
			t.Errorf("public input %d is in no constraint", wire)
		}
	}
}

// tiny is a size of few rows, to compile quickly.
func tiny() *edge.Size {
	size := testSize("tiny", 1)
	size.Pages, size.ReadPages, size.Nodes, size.Signatures, size.Words, size.Hashes = 2, 1, 12, 1, 5, 2
	return size
}
