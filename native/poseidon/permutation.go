// Package poseidon holds the two Poseidon2 permutations of BN254's scalar field that the protocol uses, of
// width 8 and 16, and the hashes made of them (spec 10-R01, 10-R02). No other hash belongs here.
package poseidon

import (
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"

	"miletus/native/lanes"
)

const (
	fullRounds    = 8
	partialRounds = 57
	halfRounds    = fullRounds / 2
)

// constants of one width, copied out of gnark-crypto's slices so that a permutation walks one block of memory.
type constants struct {
	first    [halfRounds][16]fr.Element
	internal [partialRounds]fr.Element
	last     [halfRounds][16]fr.Element
	diagonal [16]fr.Element // of the internal matrix, less one
	lanes    lanes.Constants
}

var (
	constants8  = loadConstants(8)
	constants16 = loadConstants(16)
)

func loadConstants(width int) *constants {
	parameters := poseidon2.NewParameters(width, fullRounds, partialRounds)
	var c constants
	copy(c.diagonal[:], parameters.DiagM1)
	for i := range halfRounds {
		copy(c.first[i][:], parameters.RoundKeys[i])
		copy(c.last[i][:], parameters.RoundKeys[halfRounds+partialRounds+i])
	}
	keys := slices.Clone(parameters.RoundKeys)
	for i := range partialRounds {
		keys[halfRounds+i] = keys[halfRounds+i][:1]
		c.internal[i] = keys[halfRounds+i][0]
	}
	c.lanes = lanes.NewConstants(parameters.DiagM1, keys)
	return &c
}

// Permute8 applies the permutation of width 8 in place.
func Permute8(state *[8]fr.Element) {
	if lanes.Available {
		lanes.PermuteOne(state, constants8.lanes)
		return
	}
	permute(state[:], constants8)
}

// Permute16 applies the permutation of width 16 in place.
func Permute16(state *[16]fr.Element) { permute(state[:], constants16) }

// permute computes what gnark-crypto's Permutation does, with the products of a round next to each other: they
// are independent, and the processor overlaps them.
func permute(state []fr.Element, c *constants) {
	multiplyExternal(state)
	for round := range c.first {
		applyFullRound(state, &c.first[round])
	}
	for round := range c.internal {
		applyPartialRound(state, &c.internal[round], &c.diagonal)
	}
	for round := range c.last {
		applyFullRound(state, &c.last[round])
	}
}

func applyFullRound(state []fr.Element, keys *[16]fr.Element) {
	var squares [16]fr.Element
	for i := range state {
		state[i].Add(&state[i], &keys[i])
		squares[i].Square(&state[i])
	}
	for i := range state {
		squares[i].Square(&squares[i])
	}
	for i := range state {
		state[i].Mul(&state[i], &squares[i])
	}
	multiplyExternal(state)
}

// applyPartialRound raises the first element to the fifth power and multiplies by the internal matrix, which
// is the diagonal plus a matrix of ones.
func applyPartialRound(state []fr.Element, key *fr.Element, diagonal *[16]fr.Element) {
	var sum, rest, fourth fr.Element
	state[0].Add(&state[0], key)
	fourth.Square(&state[0])
	fourth.Square(&fourth)
	for i := 1; i < len(state); i++ { // does not wait for the power
		rest.Add(&rest, &state[i])
		state[i].Mul(&state[i], &diagonal[i])
	}
	state[0].Mul(&state[0], &fourth)
	sum.Add(&rest, &state[0])
	state[0].Mul(&state[0], &diagonal[0])
	for i := range state {
		state[i].Add(&state[i], &sum)
	}
}

// multiplyExternal multiplies by circ(2 M, M, ..., M) with the 4 by 4 matrix M of the Poseidon2 paper:
// M = (5 7 1 3 / 4 6 1 1 / 1 3 5 7 / 1 1 4 6).
func multiplyExternal(state []fr.Element) {
	var sums [4]fr.Element
	for i := 0; i < len(state); i += 4 {
		block := (*[4]fr.Element)(state[i : i+4])
		multiplyBlock(block)
		for j := range sums {
			sums[j].Add(&sums[j], &block[j])
		}
	}
	for i := range state {
		state[i].Add(&state[i], &sums[i%4])
	}
}

func multiplyBlock(s *[4]fr.Element) {
	var t0, t1, t2, t3 fr.Element
	t0.Add(&s[0], &s[1])
	t1.Add(&s[2], &s[3])
	t2.Double(&s[1]).Add(&t2, &t1)
	t3.Double(&s[3]).Add(&t3, &t0)
	s[3].Double(&t1)
	s[3].Double(&s[3]).Add(&s[3], &t3)
	s[1].Double(&t0)
	s[1].Double(&s[1]).Add(&s[1], &t2)
	s[0].Add(&t3, &s[1])
	s[2].Add(&t2, &s[3])
}
