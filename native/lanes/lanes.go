// Package lanes computes with eight field elements side by side where the processor has AVX-512 with 52-bit
// multiplication: permutations, powers, and the check of signatures. It has no other algorithm than the packages
// that use it, which go their own way where Available is false.
package lanes

import "github.com/consensys/gnark-crypto/ecc/bn254/fr"

// Lanes is how many elements are computed with at once.
const Lanes = 8

// Claim is that [8]([Response]B - R - [Challenge]Key) is neutral. Points are x and y of points of the curve;
// Response is below 2^255, 64 bits a word, the lowest first.
type Claim struct {
	R, Key              [2]fr.Element
	Response, Challenge [4]uint64
}

// limbs is an element as the kernels take constants: 5 limbs of 52 bits in Montgomery form with the factor 2^260.
type limbs [5]uint64

// toLimbs brings an element into the kernels' form.
func toLimbs(e *fr.Element) limbs {
	shifted := fr.NewElement(16) // 2^260 / 2^256
	shifted.Mul(&shifted, e)
	const mask = 1<<52 - 1
	return limbs{
		shifted[0] & mask,
		(shifted[0]>>52 | shifted[1]<<12) & mask,
		(shifted[1]>>40 | shifted[2]<<24) & mask,
		(shifted[2]>>28 | shifted[3]<<36) & mask,
		shifted[3] >> 16,
	}
}

// Constants are those of a Poseidon2 permutation, made ready.
type Constants []limbs

// NewConstants takes the diagonal of the internal matrix, less one, and the keys of each round: one in a partial
// round, one for each element in a full one.
func NewConstants(diagonal []fr.Element, rounds [][]fr.Element) (constants Constants) {
	for _, elements := range append([][]fr.Element{diagonal}, rounds...) {
		for i := range elements {
			constants = append(constants, toLimbs(&elements[i]))
		}
	}
	return constants
}

// roundUp gives the number of whole blocks that hold `count`.
func roundUp(count int) int { return (count + Lanes - 1) / Lanes }
