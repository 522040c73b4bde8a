package keys

import (
	"encoding/hex"
	"fmt"
	"math/big"

	curve "github.com/consensys/gnark-crypto/ecc/bn254"
	"golang.org/x/crypto/sha3"
)

// Exported is a verifying key as L1 takes it. A point of G1 is (x, y); one of G2 is (x1, x0, y1, y0), in the order of
// the precompiles; numbers are 0x and 64 digits. Beta, gamma and delta are negated, so that the equation
// e(A, B) e(alpha, -beta) e(L, -gamma) e(C, -delta) = 1 needs no negation on L1.
type Exported struct {
	Circuit             string     `json:"circuit"`
	CircuitHash         string     `json:"circuit_hash"`
	Origin              string     `json:"origin"`
	Constraints         int        `json:"constraints"`
	PublicInputs        int        `json:"public_inputs"`
	Alpha               []string   `json:"alpha"`
	BetaNegated         []string   `json:"beta_negated"`
	GammaNegated        []string   `json:"gamma_negated"`
	DeltaNegated        []string   `json:"delta_negated"`
	CommitmentG         []string   `json:"commitment_g"`
	CommitmentGSigmaNeg []string   `json:"commitment_g_sigma_negated"`
	K                   [][]string `json:"k"`        // one, public inputs, the commitment's hash
	KeyHash             string     `json:"key_hash"` // keccak256 of all numbers above as 32-byte words, in this order
}

// Export puts a verifying key into the form that L1 takes.
func Export(system *System, keys *Keys) (*Exported, error) {
	key := keys.Verifying
	if len(key.CommitmentKeys) != 1 || len(key.G1.K) != system.Public()+2 || len(key.PublicAndCommitmentCommitted[0]) != 0 {
		return nil, fmt.Errorf("keys: the verifying key of %s has %d commitments and %d points for %d public inputs: L1 takes one commitment, to no public input",
			system.Name, len(key.CommitmentKeys), len(key.G1.K), system.Public())
	}
	negate := func(point curve.G2Affine) curve.G2Affine { return *point.Neg(&point) }
	e := &Exported{
		Circuit: system.Name, CircuitHash: system.Hash, Origin: keys.Origin,
		Constraints: system.Constraints.GetNbConstraints(), PublicInputs: system.Public(),
		Alpha:       g1(key.G1.Alpha),
		BetaNegated: g2(negate(key.G2.Beta)), GammaNegated: g2(negate(key.G2.Gamma)), DeltaNegated: g2(negate(key.G2.Delta)),
		CommitmentG: g2(key.CommitmentKeys[0].G), CommitmentGSigmaNeg: g2(key.CommitmentKeys[0].GSigmaNeg),
	}
	for i := range key.G1.K {
		e.K = append(e.K, g1(key.G1.K[i]))
	}
	e.KeyHash = e.hash()
	return e, nil
}

// hash names the key by what L1 is given of it.
func (e *Exported) hash() string {
	sum := sha3.NewLegacyKeccak256()
	for _, list := range append([][]string{
		e.Alpha, e.BetaNegated, e.GammaNegated, e.DeltaNegated, e.CommitmentG, e.CommitmentGSigmaNeg,
	}, e.K...) {
		for _, number := range list {
			raw, err := hex.DecodeString(number[2:])
			if err != nil {
				panic(err) // written by word
			}
			sum.Write(raw)
		}
	}
	return "0x" + hex.EncodeToString(sum.Sum(nil))
}

func word(number *big.Int) string { return fmt.Sprintf("0x%064x", number) }

func g1(point curve.G1Affine) []string {
	return []string{word(point.X.BigInt(new(big.Int))), word(point.Y.BigInt(new(big.Int)))}
}

func g2(point curve.G2Affine) []string {
	return []string{
		word(point.X.A1.BigInt(new(big.Int))), word(point.X.A0.BigInt(new(big.Int))),
		word(point.Y.A1.BigInt(new(big.Int))), word(point.Y.A0.BigInt(new(big.Int))),
	}
}
