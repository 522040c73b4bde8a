package integers

import "math/big"

// Parts gives max(x, 0) and max(-x, 0): x is their difference, and one of them is zero.
func (a *Arithmetic) Parts(x Integer) (positive, negative Integer) {
	part := a.Mul(a.IsNegative(x), a.Neg(x))
	zero := new(big.Int)
	negative = newInteger(part.Value, zero, most(zero, new(big.Int).Neg(x.Low)))
	positive = newInteger(a.Add(x, negative).Value, zero, most(zero, x.High))
	return positive, negative
}
