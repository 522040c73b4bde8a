package integers

import (
	"math/big"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
)

func init() { solver.RegisterHint(NegativeHint, DivideHint) }

// NegativeHint tells if its input is above half the field: a negative number.
func NegativeHint(field *big.Int, inputs, outputs []*big.Int) error {
	outputs[0].SetUint64(uint64(toSigned(field, inputs[0]).Sign()) >> 63)
	return nil
}

// toSigned reads an element as the number nearest to zero.
func toSigned(field, v *big.Int) *big.Int {
	if new(big.Int).Lsh(v, 1).Cmp(field) > 0 {
		return new(big.Int).Sub(v, field)
	}
	return new(big.Int).Set(v)
}

// IsNegative is 1 where x < 0: with n bits enough for the bounds, x + bit 2^n must lie in [0, 2^n), which holds
// for one bit only.
func (a *Arithmetic) IsNegative(x Integer) Integer {
	switch {
	case x.Low.Sign() >= 0:
		return Constant(0)
	case x.High.Sign() < 0:
		return Constant(1)
	}
	bits := most(new(big.Int).Sub(new(big.Int).Neg(x.Low), big.NewInt(1)), x.High).BitLen()
	bits = max(bits, 1)
	output, err := a.api.Compiler().NewHint(NegativeHint, 1, x.Value)
	if err != nil {
		panic(err) // one input, one output
	}
	negative := a.Bit(output[0])
	bus.CheckRange(a.bus, a.api.Add(x.Value, a.api.Mul(negative.Value, powerOfTwo(bits))), bits)
	return negative
}

// IsLess is 1 where x < y.
func (a *Arithmetic) IsLess(x, y Integer) Integer { return a.IsNegative(a.Sub(x, y)) }

// IsAtMost is 1 where x <= y.
func (a *Arithmetic) IsAtMost(x, y Integer) Integer { return a.Not(a.IsLess(y, x)) }

// IsZero is 1 where x = 0.
func (a *Arithmetic) IsZero(x Integer) Integer {
	return a.IsZeroElement(x.Value)
}

// IsZeroElement is 1 where v = 0, for an element without bounds.
func (a *Arithmetic) IsZeroElement(v frontend.Variable) Integer {
	return newInteger(a.api.IsZero(v), new(big.Int), big.NewInt(1))
}

// IsEqual is 1 where x = y.
func (a *Arithmetic) IsEqual(x, y Integer) Integer { return a.IsZero(a.Sub(x, y)) }

// Min is the smaller of x and y.
func (a *Arithmetic) Min(x, y Integer) Integer {
	result := a.Select(a.IsLess(x, y), x, y)
	result.High = least(x.High, y.High)
	return result
}

// Max is the greater of x and y.
func (a *Arithmetic) Max(x, y Integer) Integer {
	result := a.Select(a.IsLess(x, y), y, x)
	result.Low = most(x.Low, y.Low)
	return result
}

// Abs is |x|.
func (a *Arithmetic) Abs(x Integer) Integer {
	result := a.Select(a.IsNegative(x), a.Neg(x), x)
	if x.Low.Sign() < 0 {
		result.Low = new(big.Int)
	}
	return result
}

// AssertLess holds x < y.
func (a *Arithmetic) AssertLess(x, y Integer) {
	gap := a.Sub(y, x)
	if gap.High.Sign() <= 0 {
		panic("integers: the bounds say that x < y never holds")
	}
	bus.CheckRange(a.bus, a.api.Sub(gap.Value, 1), max(new(big.Int).Sub(gap.High, big.NewInt(1)).BitLen(), 1))
}
