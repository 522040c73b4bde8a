package prover

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/groth16"
	groth "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/consensys/gnark/backend/witness"

	"miletus/circuits/keys"
)

// Bytes of a proof on L1: A, B, C, the commitment and its proof of knowledge, 12 words; a point of G2 has its
// imaginary parts first.
const (
	ProofBytes = 12 * 32
	fixedBytes = 8 * 32 // A, B and C, before which gnark's own encoding has no length
)

// Proof is a proof as L1 takes it.
type Proof struct {
	Circuit      string         `json:"circuit"`
	CircuitHash  string         `json:"circuit_hash"`
	KeyHash      string         `json:"key_hash"`
	PublicInputs []string       `json:"public_inputs"` // 0x and 64 digits each
	Proof        string         `json:"proof"`         // 0x and ProofBytes bytes
	About        map[string]any `json:"about,omitempty"`
	SolveSeconds float64        `json:"solve_seconds,omitempty"`
	ProveSeconds float64        `json:"prove_seconds,omitempty"`
}

// encodePublic writes the public inputs of a witness.
func encodePublic(public witness.Witness) ([]string, error) {
	vector, ok := public.Vector().(fr.Vector)
	if !ok {
		return nil, errors.New("prover: a witness of another field")
	}
	words := make([]string, len(vector))
	for i := range vector {
		raw := vector[i].Bytes()
		words[i] = "0x" + hex.EncodeToString(raw[:])
	}
	return words, nil
}

// decodePublic reads public inputs; one that is r or more is refused, as L1 refuses it.
func decodePublic(words []string) (witness.Witness, error) {
	vector := make(fr.Vector, len(words))
	for i, text := range words {
		number, ok := new(big.Int).SetString(text, 0)
		if !ok || number.Sign() < 0 || number.Cmp(fr.Modulus()) >= 0 || !strings.HasPrefix(text, "0x") {
			return nil, refuse("public input %d, %q, is no field element in hexadecimal", i, text)
		}
		vector[i].SetBigInt(number)
	}
	public, err := witness.New(fr.Modulus())
	if err != nil {
		return nil, err
	}
	values := make(chan any)
	go func() {
		defer close(values)
		for i := range vector {
			values <- vector[i]
		}
	}()
	return public, public.Fill(len(vector), 0, values)
}

func encodeProof(proof groth16.Proof) string {
	return "0x" + hex.EncodeToString(proof.(*groth.Proof).MarshalSolidity())
}

// decodeProof reads a proof of L1's form; points that are not of their groups are refused.
func decodeProof(text string) (groth16.Proof, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) != ProofBytes {
		return nil, refuse("a proof is %d bytes in hexadecimal", ProofBytes)
	}
	// gnark has the number of commitments between C and the commitment
	own := append(binary.BigEndian.AppendUint32(bytes.Clone(raw[:fixedBytes]), 1), raw[fixedBytes:]...)
	proof := new(groth.Proof)
	if _, err := proof.ReadFrom(bytes.NewReader(own)); err != nil {
		return nil, refuse("the proof has a point that is not of its group: %v", err)
	}
	return proof, nil
}

// check is the verifier's part.
func check(proof groth16.Proof, key *groth.VerifyingKey, public witness.Witness) error {
	err := groth16.Verify(proof, key, public, solidity.WithVerifierTargetSolidityVerifier(backend.GROTH16))
	if err != nil {
		return refuse("the proof does not hold: %v", err)
	}
	return nil
}

// Verify checks a proof against the verifying key of its circuit.
func Verify(proof *Proof, system *keys.System, pair *keys.Keys) error {
	exported, err := keys.Export(system, pair)
	if err != nil {
		return err
	}
	if proof.KeyHash != "" && proof.KeyHash != exported.KeyHash {
		return fmt.Errorf("%w: the proof was made with the key %s of %s, and the one here is %s",
			keys.ErrOther, proof.KeyHash, proof.Circuit, exported.KeyHash)
	}
	if len(proof.PublicInputs) != system.Public() {
		return refuse("%d public inputs, and circuit %s has %d", len(proof.PublicInputs), system.Name, system.Public())
	}
	public, err := decodePublic(proof.PublicInputs)
	if err != nil {
		return err
	}
	points, err := decodeProof(proof.Proof)
	if err != nil {
		return err
	}
	return check(points, pair.Verifying, public)
}
