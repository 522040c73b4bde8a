package signature

import (
	"math/big"
	"math/bits"
)

// order is l, the prime order of the base point's subgroup.
var order = &curve.Order

// scalar is an integer below 2^256 as 64-bit words, least first.
type scalar [4]uint64

// newScalar takes an integer of at most 256 bits.
func newScalar(v *big.Int) scalar {
	var raw [32]byte
	v.FillBytes(raw[:])
	return parseScalar(&raw)
}

// parseScalar reads 32 big-endian bytes.
func parseScalar(raw *[32]byte) scalar {
	var s scalar
	for i, b := range raw {
		s[3-i/8] = s[3-i/8]<<8 | uint64(b)
	}
	return s
}

// isCanonical tells if s < l.
func (s *scalar) isCanonical() bool {
	var borrow uint64
	for i, limb := range orderLimbs {
		_, borrow = bits.Sub64(s[i], limb, borrow)
	}
	return borrow == 1
}

var orderLimbs = newScalar(order)

// bit returns bits first .. first + count - 1 as a number; bits past the end are 0.
func (s *scalar) bits(first, count int) uint64 {
	word, shift := first/64, first%64
	if word >= 4 {
		return 0
	}
	v := s[word] >> shift
	if shift+count > 64 && word+1 < 4 {
		v |= s[word+1] << (64 - shift)
	}
	return v & (1<<count - 1)
}

// split writes the scalar in digits of `width` bits, each in -2^(width-1) .. 2^(width-1), least first, into
// `digits`, which must have room for one bit more than the scalar has.
func (s *scalar) split(width int, digits []int16) {
	carry := int64(0)
	for i := range digits {
		d := int64(s.bits(i*width, width)) + carry
		carry = 0
		if d > 1<<(width-1) {
			d -= 1 << width
			carry = 1
		}
		digits[i] = int16(d)
	}
}

// countDigits tells how many digits `split` needs for a scalar of `size` bits.
func countDigits(size, width int) int { return size/width + 1 }

// nafDigits is enough for the non-adjacent form of a scalar below 2^251, whose last carry may add a digit.
const nafDigits = orderBits + 1

// toNonAdjacentForm writes odd digits between -2^(nafWidth-1) and 2^(nafWidth-1), at least nafWidth places apart.
func (s *scalar) toNonAdjacentForm(digits *[nafDigits]int8) {
	carry := uint64(0)
	for i := 0; i < nafDigits; {
		window := s.bits(i, nafWidth) + carry
		if window%2 == 0 {
			i++
			continue
		}
		carry = window >> (nafWidth - 1)
		digits[i] = int8(int64(window) - int64(carry<<nafWidth))
		i += nafWidth
	}
}
