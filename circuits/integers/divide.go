package integers

import (
	"fmt"
	"math/big"
)

// DivideHint gives the floor and the remainder of its inputs, read as signed numbers; (0, 0) for a divisor of 0.
func DivideHint(field *big.Int, inputs, outputs []*big.Int) error {
	divisor := toSigned(field, inputs[1])
	if divisor.Sign() == 0 {
		outputs[0].SetUint64(0)
		outputs[1].SetUint64(0)
		return nil
	}
	quotient, rest := floorDivide(toSigned(field, inputs[0]), divisor)
	outputs[0].Mod(quotient, field)
	outputs[1].Mod(rest, field)
	return nil
}

// floorDivide is division towards minus infinity, of a divisor above zero.
func floorDivide(x, divisor *big.Int) (quotient, rest *big.Int) {
	return new(big.Int).DivMod(x, divisor, new(big.Int)) // Euclid's: the rest is never negative
}

// Divide is floor(x / divisor) and the remainder, in [0, divisor). The bounds of the divisor must be above zero.
//
// Of x = quotient divisor + rest with 0 <= rest < divisor there is one solution in whole numbers; that neither
// side can reach the size of the field makes it the only one in elements too.
func (a *Arithmetic) Divide(x, divisor Integer) (quotient, rest Integer) {
	if divisor.Low.Sign() <= 0 {
		panic(fmt.Sprintf("integers: a divisor in [%v, %v] can be zero", divisor.Low, divisor.High))
	}
	outputs, err := a.api.Compiler().NewHint(DivideHint, 2, x.Value, divisor.Value)
	if err != nil {
		panic(err) // two inputs, two outputs
	}
	low, high := boundQuotient(x, divisor)
	quotient = a.Between(outputs[0], low, high)
	rest = a.Between(outputs[1], new(big.Int), new(big.Int).Sub(divisor.High, big.NewInt(1)))
	if divisor.Low.Cmp(divisor.High) != 0 {
		a.AssertLess(rest, divisor)
	}
	a.api.AssertIsEqual(x.Value, a.Add(a.Mul(quotient, divisor), rest).Value)
	return quotient, rest
}

// boundQuotient rounds the bounds outwards to whole bits: a range of a power of two takes one check, not two.
func boundQuotient(x, divisor Integer) (low, high *big.Int) {
	smallest := func(bound *big.Int, down bool) *big.Int {
		by := divisor.Low
		if (bound.Sign() < 0) != down {
			by = divisor.High
		}
		quotient, _ := floorDivide(bound, by)
		return quotient
	}
	low, high = smallest(x.Low, true), smallest(x.High, false)
	if low.Sign() >= 0 {
		return new(big.Int), new(big.Int).Sub(powerOfTwo(max(high.BitLen(), 1)), big.NewInt(1))
	}
	half := powerOfTwo(most(new(big.Int).Sub(new(big.Int).Neg(low), big.NewInt(1)), high).BitLen())
	return new(big.Int).Neg(half), new(big.Int).Sub(half, big.NewInt(1))
}

// MulDiv is floor(x y / divisor) (spec 01-R02): |x| <= 2^61, 0 <= y < 2^31, 0 < divisor < 2^31.
func (a *Arithmetic) MulDiv(x, y, divisor Integer) Integer {
	needMulDiv(x, y, divisor)
	quotient, _ := a.Divide(a.Mul(x, y), divisor)
	return quotient
}

// MulDivUp is the ceiling: -MulDiv(-x, y, divisor).
func (a *Arithmetic) MulDivUp(x, y, divisor Integer) Integer {
	return a.Neg(a.MulDiv(a.Neg(x), y, divisor))
}

func needMulDiv(x, y, divisor Integer) {
	if !x.Fits(62, true) || !y.Fits(31, false) || !divisor.Fits(31, false) {
		panic(fmt.Sprintf("integers: mul_div of [%v, %v] by [%v, %v] over [%v, %v]: spec 01-R02 has smaller ones",
			x.Low, x.High, y.Low, y.High, divisor.Low, divisor.High))
	}
}
