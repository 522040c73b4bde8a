package evaluate

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
)

// Bus is a bus that holds ranges at once and forgets what is pushed: who evaluates keeps his own account of that.
type Bus struct {
	api    frontend.API
	ranges []int
}

// NewBus makes a bus with range tables of the given bits.
func NewBus(rangeBits []int) *Bus { return &Bus{NewAPI(), rangeBits} }

// API computes.
func (b *Bus) API() frontend.API { return b.api }

// RangeBits lists the widths of the range tables, rising.
func (b *Bus) RangeBits() []int { return b.ranges }

// Push does nothing.
func (b *Bus) Push(bus.Sum, frontend.Variable, ...frontend.Variable) {}

// PushChange does nothing.
func (b *Bus) PushChange(bus.Sum, frontend.Variable, frontend.Variable, ...frontend.Variable) {}

// Exchange does nothing.
func (b *Bus) Exchange(bus.Sum, frontend.Variable, []frontend.Variable, []frontend.Variable) {}

// Small holds v in [0, 2^bits).
func (b *Bus) Small(v frontend.Variable, bits int) {
	value := Value(v)
	if !value.IsUint64() || value.Uint64()>>bits != 0 {
		fail("%v has more than %d bits", signed(&value), bits)
	}
}

// signed writes a number, a negative one as such.
func signed(v *fr.Element) *big.Int {
	value := v.BigInt(new(big.Int))
	if new(big.Int).Lsh(value, 1).Cmp(fr.Modulus()) > 0 {
		value.Sub(value, fr.Modulus())
	}
	return value
}
