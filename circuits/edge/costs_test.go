package edge_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/edge"
	"miletus/circuits/steps"
)

// count compiles a circuit of few rows and gives its constraints.
func count(t *testing.T, size *edge.Size) int {
	t.Helper()
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, edge.New(size))
	if err != nil {
		t.Fatal(err)
	}
	return system.GetNbConstraints()
}

func tiny() *edge.Size {
	size := testSize("tiny", 1)
	size.Pages, size.ReadPages, size.Nodes, size.Signatures, size.Words, size.Hashes = 2, 1, 12, 1, 5, 2
	return size
}

// TestCosts tells what a row of each table of steps costs.
func TestCosts(t *testing.T) {
	base := count(t, tiny())
	t.Log("one row of each", base)
	for _, table := range steps.Tables {
		size := tiny()
		size.Steps[table.Name] = 3
		t.Log(table.Name, (count(t, size)-base)/2)
	}
}
