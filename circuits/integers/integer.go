// Package integers is arithmetic on whole numbers whose bounds are known when the circuit is compiled. A bound
// that could leave the field is a mistake of the circuit and panics at compile time, so no sum or product can
// wrap unseen. What the numbers mean is no business of this package.
package integers

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
)

// maxBits is the size that no bound may reach: a number and its negative are then different elements.
const maxBits = 252

// Integer is a wire that holds a number in [Low, High], both included; negative ones as r - |v|.
type Integer struct {
	Value     frontend.Variable
	Low, High *big.Int
}

// Arithmetic makes integers of one circuit.
type Arithmetic struct {
	api frontend.API
	bus bus.Bus
}

// New makes the arithmetic of a circuit on its bus.
func New(b bus.Bus) *Arithmetic { return &Arithmetic{api: b.API(), bus: b} }

// newInteger is the one place where integers are made; it holds the bounds.
func newInteger(value frontend.Variable, low, high *big.Int) Integer {
	if low.Cmp(high) > 0 || low.BitLen() > maxBits || high.BitLen() > maxBits {
		panic(fmt.Sprintf("integers: no integer lies in [%v, %v] below 2^%d in size", low, high, maxBits))
	}
	return Integer{value, low, high}
}

func powerOfTwo(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }

// Constant is a fixed number.
func Constant(value int64) Integer { return ConstantBig(big.NewInt(value)) }

// ConstantBig is a fixed number of any size that fits.
func ConstantBig(value *big.Int) Integer { return newInteger(value, value, value) }

// Unsigned holds v in [0, 2^bits).
func (a *Arithmetic) Unsigned(v frontend.Variable, bits int) Integer {
	bus.CheckRange(a.bus, v, bits)
	return newInteger(v, new(big.Int), new(big.Int).Sub(powerOfTwo(bits), big.NewInt(1)))
}

// Signed holds v in [-2^(bits-1), 2^(bits-1)).
func (a *Arithmetic) Signed(v frontend.Variable, bits int) Integer {
	half := powerOfTwo(bits - 1)
	bus.CheckRange(a.bus, a.api.Add(v, half), bits)
	return newInteger(v, new(big.Int).Neg(half), new(big.Int).Sub(half, big.NewInt(1)))
}

// Between holds v in [low, high], both included.
func (a *Arithmetic) Between(v frontend.Variable, low, high *big.Int) Integer {
	result := newInteger(v, low, high)
	span := new(big.Int).Sub(high, low)
	bits := max(span.BitLen(), 1)
	bus.CheckRange(a.bus, a.api.Sub(v, low), bits)
	if new(big.Int).Add(span, big.NewInt(1)).Cmp(powerOfTwo(bits)) != 0 {
		bus.CheckRange(a.bus, a.api.Sub(high, v), bits)
	}
	return result
}

// Bit holds v in {0, 1}.
func (a *Arithmetic) Bit(v frontend.Variable) Integer {
	a.api.AssertIsBoolean(v)
	return newInteger(v, new(big.Int), big.NewInt(1))
}

// IsBit tells if the bounds are within 0 and 1.
func (i Integer) IsBit() bool { return i.Low.Sign() >= 0 && i.High.Cmp(big.NewInt(1)) <= 0 }

// Fits tells if every value in the bounds is one of `bits` bits, in two's complement if signed.
func (i Integer) Fits(bits int, signed bool) bool {
	low, high := new(big.Int), powerOfTwo(bits)
	if signed {
		high = powerOfTwo(bits - 1)
		low.Neg(high)
	}
	return i.Low.Cmp(low) >= 0 && i.High.Cmp(high) < 0
}

// Add is x + y.
func (a *Arithmetic) Add(x, y Integer) Integer {
	return newInteger(a.api.Add(x.Value, y.Value), new(big.Int).Add(x.Low, y.Low), new(big.Int).Add(x.High, y.High))
}

// Sub is x - y.
func (a *Arithmetic) Sub(x, y Integer) Integer {
	return newInteger(a.api.Sub(x.Value, y.Value), new(big.Int).Sub(x.Low, y.High), new(big.Int).Sub(x.High, y.Low))
}

// Neg is -x.
func (a *Arithmetic) Neg(x Integer) Integer { return a.Sub(Constant(0), x) }

// Mul is x y; its bounds are the extremes of the four products of bounds.
func (a *Arithmetic) Mul(x, y Integer) Integer {
	low, high := boundProduct(x, y)
	return newInteger(a.api.Mul(x.Value, y.Value), low, high)
}

func boundProduct(x, y Integer) (low, high *big.Int) {
	for _, p := range []*big.Int{x.Low, x.High} {
		for _, q := range []*big.Int{y.Low, y.High} {
			product := new(big.Int).Mul(p, q)
			if low == nil || product.Cmp(low) < 0 {
				low = product
			}
			if high == nil || product.Cmp(high) > 0 {
				high = product
			}
		}
	}
	return low, high
}

// Select is x where bit is 1, else y.
func (a *Arithmetic) Select(bit, x, y Integer) Integer {
	a.needBits(bit)
	difference := a.api.Mul(bit.Value, a.api.Sub(x.Value, y.Value))
	return newInteger(a.api.Add(y.Value, difference), least(x.Low, y.Low), most(x.High, y.High))
}

// Not is 1 - bit.
func (a *Arithmetic) Not(bit Integer) Integer {
	a.needBits(bit)
	return a.Sub(Constant(1), bit)
}

// And is 1 if all bits are.
func (a *Arithmetic) And(bits ...Integer) Integer {
	a.needBits(bits...)
	product := Constant(1)
	for _, bit := range bits {
		product = a.Mul(product, bit)
	}
	return product
}

// Or is 1 if one of the bits is.
func (a *Arithmetic) Or(bits ...Integer) Integer {
	none := make([]Integer, len(bits))
	for i := range bits {
		none[i] = a.Not(bits[i])
	}
	return a.Not(a.And(none...))
}

func (a *Arithmetic) needBits(bits ...Integer) {
	for _, bit := range bits {
		if !bit.IsBit() {
			panic(fmt.Sprintf("integers: a bit is needed, not a number in [%v, %v]", bit.Low, bit.High))
		}
	}
}

func least(x, y *big.Int) *big.Int {
	if x.Cmp(y) < 0 {
		return x
	}
	return y
}

func most(x, y *big.Int) *big.Int {
	if x.Cmp(y) > 0 {
		return x
	}
	return y
}
