package signature

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"

	"miletus/native/lanes"
	"miletus/native/parallel"
	"miletus/native/poseidon"
)

// Statement says that Signature is one of Message under Key.
type Statement struct {
	Key       PublicKey
	Message   fr.Element
	Signature Signature
}

// claim is a statement whose parts are canonical: [8]([s]B - R - [c]A) must be neutral.
type claim struct {
	index     int // of the statement
	key       int // of the chunk's keys
	r         twistededwards.PointAffine
	response  scalar
	challenge fr.Element
}

// c is the challenge as an integer.
func (c *claim) c() *big.Int { return c.challenge.BigInt(new(big.Int)) }

// chunk is what one core verifies: its claims and the different keys in them.
type chunk struct {
	claims []claim
	keys   []twistededwards.PointAffine
	valid  []bool // by statement
}

const (
	smallestChunk  = 16
	fewestForLanes = 3 // fewer are checked faster one by one
)

// Verify tells if one statement holds (spec 10-R04).
func Verify(statement *Statement) bool {
	valid := [1]bool{}
	c := newChunk([]Statement{*statement}, 0, 1, valid[:])
	c.verifyEach(c.claims)
	return valid[0]
}

// VerifyMany tells for each statement what Verify tells, on all cores: each by itself, eight side by side, where
// the processor can do that (package lanes). Elsewhere they are summed up, and a false "valid" has a chance of
// 2^-128, over coefficients that nobody can predict.
func VerifyMany(statements []Statement) []bool {
	valid := make([]bool, len(statements))
	parallel.Run(len(statements), smallestChunk, func(first, end int) {
		c := newChunk(statements, first, end, valid)
		if lanes.Available && len(c.claims) >= fewestForLanes {
			c.verifySideBySide()
		} else {
			c.verify(c.claims)
		}
	})
	return valid
}

// newChunk decodes statements first .. end - 1. Those that are not canonical make no claim and stay invalid.
func newChunk(statements []Statement, first, end int, valid []bool) *chunk {
	c := &chunk{valid: valid}
	numbers := map[PublicKey]int{} // -1: no point
	halves := make([]half, 0, end-first)
	inverses := make([]fr.Element, 0, end-first)
	for i := first; i < end; i++ {
		s := &statements[i]
		key, known := numbers[s.Key]
		if !known {
			key = c.addKey(&s.Key)
			numbers[s.Key] = key
		}
		response := parseScalar((*[32]byte)(s.Signature[32:]))
		h, denominator, ok := parseCompressed(s.Signature[:32])
		if key < 0 || !ok || !response.isCanonical() {
			continue
		}
		c.claims = append(c.claims, claim{index: i, key: key, response: response})
		halves = append(halves, h)
		inverses = append(inverses, denominator)
	}
	c.finish(statements, halves, fr.BatchInvert(inverses))
	return c
}

// addKey decodes a key and gives its number, -1 if it is not a point.
func (c *chunk) addKey(key *PublicKey) int {
	a, ok := decodeKey(key)
	if !ok {
		return -1
	}
	c.keys = append(c.keys, a)
	return len(c.keys) - 1
}

// finish computes R and the challenge of each claim and drops those whose R is not a point.
func (c *chunk) finish(statements []Statement, halves []half, inverses []fr.Element) {
	kept := c.claims[:0]
	inputs := make([][7]fr.Element, 0, len(c.claims))
	roots, are := findRoots(halves, inverses)
	for i := range c.claims {
		current := c.claims[i]
		r, ok := halves[i].finish(&roots[i])
		if !ok || !are[i] {
			continue
		}
		current.r = r
		kept = append(kept, current)
		inputs = append(inputs, challengeInput(&r, &c.keys[current.key], &statements[current.index].Message))
	}
	for i, challenge := range poseidon.Hash7Many(poseidon.TagChallenge, inputs) {
		kept[i].challenge = challenge
	}
	c.claims = kept
}

// findRoots computes a root of each half's square, given the inverses of the denominators, and tells which have
// one.
func findRoots(halves []half, inverses []fr.Element) (roots []fr.Element, are []bool) {
	squares := make([]fr.Element, len(halves))
	for i := range squares {
		squares[i].Mul(&halves[i].numerator, &inverses[i])
	}
	return computeRoots(squares)
}

// verifySideBySide checks claims in the kernels. The challenge may stay above l: see holds.
func (c *chunk) verifySideBySide() {
	claims := make([]lanes.Claim, len(c.claims))
	for i := range claims {
		current := &c.claims[i]
		key := &c.keys[current.key]
		claims[i] = lanes.Claim{
			R:         [2]fr.Element{current.r.X, current.r.Y},
			Key:       [2]fr.Element{key.X, key.Y},
			Response:  current.response,
			Challenge: current.challenge.Bits(),
		}
	}
	for i, holds := range lanes.Verify(claims) {
		c.valid[c.claims[i].index] = holds
	}
}

// verifyEach checks claims one by one.
func (c *chunk) verifyEach(claims []claim) {
	for i := range claims {
		c.valid[claims[i].index] = c.holds(&claims[i])
	}
}

// holds checks one claim. The challenge is taken modulo l: what that changes is a point of small order, which
// the cofactor removes.
func (c *chunk) holds(current *claim) bool {
	reduced := newScalar(new(big.Int).Mod(current.c(), order))
	sum := sumMultiples([]addend{newAddend(&c.keys[current.key])}, []scalar{reduced})
	r := newAddend(&current.r)
	sum.add(&r)
	sum = sum.negate()
	product := multiplyBase(&current.response)
	sum.addPoint(&product)
	sum.double(3)
	return sum.isNeutral()
}
