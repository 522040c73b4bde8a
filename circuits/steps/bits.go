package steps

import (
	"fmt"
	"math/big"

	"miletus/circuits/integers"
)

// Bits gives the bits of a number that has no more than these, the lowest first.
func (s *Step) Bits(x Integer, count int) []Integer {
	if !x.Fits(count, false) {
		panic(fmt.Sprintf("steps: %s: a number in [%v, %v] for %d bits", s.name, x.Low, x.High, count))
	}
	bits := make([]Integer, count)
	for i, v := range s.api.ToBinary(x.Value, count) {
		bits[i] = integers.Known(v, 1)
	}
	return bits
}

// PowerOfTwo is 2^x for an x of a few bits: the product of 2^(2^i) over its bits.
func (s *Step) PowerOfTwo(x Integer, bits int) Integer {
	power := integers.Constant(1)
	for i, bit := range s.Bits(x, bits) {
		more := new(big.Int).Lsh(big.NewInt(1), 1<<i)
		more.Sub(more, big.NewInt(1))
		power = s.Mul(power, s.Add(integers.Constant(1), s.Mul(bit, integers.ConstantBig(more))))
	}
	return power
}

// positive is x, or 1 where x is 0: a divisor. x is not below zero.
func (s *Step) positive(x Integer) Integer {
	divisor := s.Add(x, s.IsZero(x))
	divisor.Low = big.NewInt(1)
	return divisor
}
