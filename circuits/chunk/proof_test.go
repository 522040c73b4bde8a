package chunk_test

import (
	"bytes"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/chunk"
	"miletus/circuits/internal/harness"
)

var tiny = chunk.Size{
	Pages: 2, ReadPages: 1, Nodes: 12, Signatures: 1, Words: 14, Hashes: 8,
	TupleCells: 4, TimeBits: 8, RangeBits: []int{8},
}

var tinyUses = harness.Uses{Accesses: 4, Signatures: 1, Hashes: 8, Words: 14}

func compileTiny(t *testing.T) constraint.ConstraintSystem {
	t.Helper()
	system, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, harness.NewProgram(&tiny, tinyUses))
	if err != nil {
		t.Fatal(err)
	}
	return system
}

// The verifier on L1 takes one commitment, and pays for each public input in it.
func TestOneCommitmentWithoutPublicInputs(t *testing.T) {
	commitments := compileTiny(t).GetCommitments().(constraint.Groth16Commitments)
	if len(commitments) != 1 {
		t.Fatalf("%d commitments", len(commitments))
	}
	if public := commitments[0].PublicAndCommitmentCommitted; len(public) != 0 {
		t.Fatalf("public inputs %v are committed to", public)
	}
}

func TestGroth16(t *testing.T) {
	if testing.Short() {
		t.Skip("a set-up and a proof take half a minute")
	}
	system := compileTiny(t)
	t.Log("constraints", system.GetNbConstraints())
	provingKey, verifyingKey, err := groth16.Setup(system)
	if err != nil {
		t.Fatal(err)
	}
	program := harness.LoadVector(t, "garbage").Program(t, &tiny, tinyUses)
	witness, err := frontend.NewWitness(program, ecc.BN254.ScalarField())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := groth16.Prove(system, provingKey, witness, solidity.WithProverTargetSolidityVerifier(backend.GROTH16))
	if err != nil {
		t.Fatal(err)
	}
	verify := func() error {
		public, err := frontend.NewWitness(program, ecc.BN254.ScalarField(), frontend.PublicOnly())
		if err != nil {
			t.Fatal(err)
		}
		return groth16.Verify(proof, verifyingKey, public, solidity.WithVerifierTargetSolidityVerifier(backend.GROTH16))
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	inputs := harness.Flatten(&program.Public)
	if len(inputs) != system.GetNbPublicVariables()-1 {
		t.Fatalf("%d public inputs of %d", len(inputs), system.GetNbPublicVariables()-1)
	}
	for i := range inputs {
		var other fr.Element
		other.SetInterface(inputs[i])
		one := fr.One()
		changed := append([]frontend.Variable(nil), inputs...)
		changed[i] = other.Add(&other, &one)
		harness.Fill(changed, &program.Public)
		if verify() == nil {
			t.Errorf("public input %d may be another", i)
		}
		harness.Fill(inputs, &program.Public)
	}
}

// Keys belong to a circuit's hash, so the same source has to give the same circuit.
func TestCompilingIsRepeatable(t *testing.T) {
	var first, second bytes.Buffer
	for _, into := range []*bytes.Buffer{&first, &second} {
		if _, err := compileTiny(t).WriteTo(into); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatal("the same circuit was compiled to two systems")
	}
}
