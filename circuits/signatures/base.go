package signatures

import (
	"math/big"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
	edwards "github.com/consensys/gnark/std/algebra/native/twistededwards"

	"miletus/circuits/bus"
)

// The fixed point is 8 B. Its multiples are taken from a table by digits of 5 bits; the last digit of s < l < 2^251
// has one bit, so that digits sum to s in one way, below the field's size.
const (
	baseBits    = 5
	baseWindows = 51
	scalarBits  = 251
)

var (
	native      = twistededwards.GetEdwardsCurve()
	multiples   = bus.Sum{Name: "multiples of the base point", Width: 4}
	baseEntries = sync.OnceValue(computeBaseEntries)
)

func init() { solver.RegisterHint(BaseHint) }

// computeBaseEntries computes [digit 32^window] 8 B.
func computeBaseEntries() (entries [baseWindows][]twistededwards.PointAffine) {
	var step twistededwards.PointAffine
	step.ScalarMultiplication(&native.Base, big.NewInt(8))
	for window := range entries {
		entry := twistededwards.PointAffine{}
		entry.Y.SetOne()
		for range 1 << min(baseBits, scalarBits-baseBits*window) {
			entries[window] = append(entries[window], entry)
			entry.Add(&entry, &step)
		}
		step = entry
	}
	return entries
}

// multiplyBase is [s] 8 B for s < l.
func (t *table) multiplyBase(s frontend.Variable) edwards.Point {
	var sum edwards.Point
	for window, digit := range t.cutDigits(s, baseBits, baseWindows) {
		t.digits[window] = append(t.digits[window], digit)
		outputs, err := t.api.Compiler().NewHint(BaseHint, 2, window, digit)
		if err != nil {
			panic(err) // two inputs, two outputs
		}
		p := edwards.Point{X: outputs[0], Y: outputs[1]}
		t.bus.Push(multiples, 1, digit, window, p.X, p.Y)
		if window == 0 {
			sum = p
		} else {
			sum = t.curve.Add(sum, p)
		}
	}
	return sum
}

// cutDigits gives digits that sum to v; the lowest is what the others leave. Whoever uses a digit holds it to its
// size by looking it up.
func (t *table) cutDigits(v frontend.Variable, bits, count int) []frontend.Variable {
	inputs := make([]frontend.Variable, 0, count+1)
	for range count {
		inputs = append(inputs, bits)
	}
	digits, err := t.api.Compiler().NewHint(bus.LimbHint, count, append(inputs, v)...)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	rest := make([]frontend.Variable, 0, count)
	for i := 1; i < count; i++ {
		rest = append(rest, t.api.Mul(digits[i], new(big.Int).Lsh(big.NewInt(1), uint(bits*i))))
	}
	digits[0] = bus.Settle(t.api, t.api.Sub(v, rest[0], rest[1:]...))
	return digits
}

// defineBase gives the table as often as its entries were looked up.
func (t *table) defineBase() {
	for window, entries := range baseEntries() {
		if len(t.digits[window]) == 0 {
			continue
		}
		counts, err := t.api.Compiler().NewHint(bus.CountHint, len(entries), t.digits[window]...)
		if err != nil {
			panic(err) // there are inputs and outputs
		}
		for digit := range entries {
			x, y := entries[digit].X.BigInt(new(big.Int)), entries[digit].Y.BigInt(new(big.Int))
			t.bus.Push(multiples, t.api.Neg(counts[digit]), digit, window, x, y)
		}
	}
}

// BaseHint gives the entry of (window, digit), the neutral point for a digit that has none.
func BaseHint(_ *big.Int, inputs, outputs []*big.Int) error {
	entries := baseEntries()[inputs[0].Uint64()]
	if !inputs[1].IsUint64() || inputs[1].Uint64() >= uint64(len(entries)) {
		outputs[0].SetUint64(0)
		outputs[1].SetUint64(1)
		return nil
	}
	entry := entries[inputs[1].Uint64()]
	entry.X.BigInt(outputs[0])
	entry.Y.BigInt(outputs[1])
	return nil
}
