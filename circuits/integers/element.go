package integers

import (
	"math/big"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
)

// IsBelow is 1 where high 2^bits + low < bound. Low must lie in [0, 2^bits); the sum may pass the field's size.
func (a *Arithmetic) IsBelow(high, low Integer, bits int, bound *big.Int) Integer {
	if !low.Fits(bits, false) || high.Low.Sign() < 0 {
		panic("integers: the parts of a number to compare are not in place")
	}
	boundLow := new(big.Int).Mod(bound, powerOfTwo(bits))
	boundHigh := ConstantBig(new(big.Int).Rsh(bound, uint(bits)))
	equal := a.And(a.IsEqual(high, boundHigh), a.IsLess(low, ConstantBig(boundLow)))
	return AsBit(a.Add(a.IsLess(high, boundHigh), equal)) // at most one of them
}

// AsBit narrows the bounds of a number that the caller knows to be 0 or 1.
func AsBit(x Integer) Integer {
	return newInteger(x.Value, new(big.Int), big.NewInt(1))
}

// IsBelowModulus is 1 where high 2^bits + low is below the field's modulus: the parts are then those of one
// element, and no others are.
func (a *Arithmetic) IsBelowModulus(high, low Integer, bits int) Integer {
	return a.IsBelow(high, low, bits, a.api.Compiler().Field())
}

// Element is high 2^bits + low as an element, whatever its size.
func (a *Arithmetic) Element(high, low Integer, bits int) frontend.Variable {
	return a.api.Add(a.api.Mul(high.Value, powerOfTwo(bits)), low.Value)
}

// SplitBelow cuts an element into (high, low), low of `bits` bits, and asserts that the number they make is below
// the bound, which is at most the modulus: so there is one answer for an element below the bound, and none for
// others.
func (a *Arithmetic) SplitBelow(v frontend.Variable, bits int, bound *big.Int) (high, low Integer) {
	if bound.Cmp(a.api.Compiler().Field()) > 0 {
		panic("integers: the bound is above the modulus")
	}
	rest := max(new(big.Int).Rsh(new(big.Int).Sub(bound, big.NewInt(1)), uint(bits)).BitLen(), 1)
	outputs, err := a.api.Compiler().NewHint(bus.LimbHint, 2, bits, rest, v)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	high = a.Unsigned(outputs[1], rest)
	low = a.Unsigned(a.api.Sub(v, a.api.Mul(outputs[1], powerOfTwo(bits))), bits)
	a.api.AssertIsEqual(a.IsBelow(high, low, bits, bound).Value, 1)
	return high, low
}

// Split cuts x, which must not be negative, into (high, low), low of `bits` bits.
func (a *Arithmetic) Split(x Integer, bits int) (high, low Integer) {
	if x.Low.Sign() < 0 || x.High.BitLen() <= bits {
		panic("integers: there is nothing to split off")
	}
	rest := x.High.BitLen() - bits
	outputs, err := a.api.Compiler().NewHint(bus.LimbHint, 2, bits, rest, x.Value)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	high = a.Unsigned(outputs[1], rest)
	low = a.Unsigned(a.api.Sub(x.Value, a.api.Mul(outputs[1], powerOfTwo(bits))), bits)
	return high, low
}

// Known gives bounds to a wire that something else than a range check holds to [0, 2^bits), such as a lookup in a
// table of such numbers. The caller answers for it.
func Known(v frontend.Variable, bits int) Integer {
	return newInteger(v, new(big.Int), new(big.Int).Sub(powerOfTwo(bits), big.NewInt(1)))
}

// KnownSigned is Known for numbers in [-2^(bits-1), 2^(bits-1)).
func KnownSigned(v frontend.Variable, bits int) Integer {
	half := powerOfTwo(bits - 1)
	return newInteger(v, new(big.Int).Neg(half), new(big.Int).Sub(half, big.NewInt(1)))
}

// DivideExactly is x / 2^bits, asserted to be a whole number in [-2^(size-1), 2^(size-1)): a carry.
func (a *Arithmetic) DivideExactly(x Integer, bits, size int) Integer {
	if !x.Fits(bits+size, true) || bits+size > maxBits {
		panic("integers: the quotient can be greater than it may")
	}
	inverse := new(big.Int).ModInverse(powerOfTwo(bits), a.api.Compiler().Field())
	return a.Signed(a.api.Mul(x.Value, inverse), size)
}
