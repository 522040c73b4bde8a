package signature

import (
	"crypto/rand"
	"encoding/binary"
	"math/big"
	"slices"
)

const (
	coefficientBits = 128

	fewestForSum = 3 // fewer are checked faster one by one
	partSize     = 64
)

// verify checks claims as one random linear combination; when it fails, in parts, and what is in a part that
// fails one by one. So a few bad ones cost about twice what none cost, and a flood of them four times.
//
// For claim i let D_i = [s_i]B - R_i - [c_i]A_i. It holds iff [8]D_i is neutral. [8]D_i lies in the subgroup of
// prime order l, so the sum of [z_i][8]D_i over random 128-bit z_i is neutral with a chance of at most 2^-128
// unless all are. That sum is computed as [8] times a sum of multiples, whose scalars may then be reduced
// modulo l although R_i and A_i may have parts of small order: [8] removes every difference.
func (c *chunk) verify(claims []claim) {
	if len(claims) < fewestForSum {
		c.verifyEach(claims)
		return
	}
	if c.sumIsNeutral(claims) {
		for i := range claims {
			c.valid[claims[i].index] = true
		}
		return
	}
	if len(claims) <= partSize {
		c.verifyEach(claims)
		return
	}
	for part := range slices.Chunk(claims, partSize) {
		c.verify(part)
	}
}

// sumIsNeutral computes [8](sum [z_i]R_i + sum over keys [sum z_i c_i]A - [sum z_i s_i]B).
func (c *chunk) sumIsNeutral(claims []claim) bool {
	scalars := drawCoefficients(len(claims))
	points := make([]addend, len(claims))
	ofKey := make([]*big.Int, len(c.keys))
	ofBase, product := new(big.Int), new(big.Int)
	for i := range claims {
		current := &claims[i]
		points[i] = newAddend(&current.r)
		z := scalars[i].toBig()
		ofBase.Add(ofBase, product.Mul(z, current.response.toBig()))
		if ofKey[current.key] == nil {
			ofKey[current.key] = new(big.Int)
		}
		ofKey[current.key].Add(ofKey[current.key], product.Mul(z, current.c()))
	}
	for key, sum := range ofKey {
		if sum != nil {
			points = append(points, newAddend(&c.keys[key]))
			scalars = append(scalars, newScalar(sum.Mod(sum, order)))
		}
	}
	total := sumMultiples(points, scalars)
	negated := newScalar(ofBase.Neg(ofBase).Mod(ofBase, order))
	base := multiplyBase(&negated)
	total.addPoint(&base)
	total.double(3)
	return total.isNeutral()
}

// drawCoefficients draws from the system's generator: who could predict them could make bad claims cancel.
func drawCoefficients(count int) []scalar {
	raw := make([]byte, count*coefficientBits/8)
	_, _ = rand.Read(raw) // never fails: it ends the process instead
	coefficients := make([]scalar, count)
	for i := range coefficients {
		coefficients[i][0] = binary.LittleEndian.Uint64(raw[16*i:])
		coefficients[i][1] = binary.LittleEndian.Uint64(raw[16*i+8:])
	}
	return coefficients
}

// toBig gives the scalar as a big integer.
func (s *scalar) toBig() *big.Int {
	var raw [32]byte
	for i, limb := range s {
		binary.BigEndian.PutUint64(raw[24-8*i:], limb)
	}
	return new(big.Int).SetBytes(raw[:])
}
