package bus

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
)

func init() { solver.RegisterHint(CountHint, LimbHint, CopyHint) }

// rangeTable holds every number below 2^bits once; what is looked up must be in it.
type rangeTable struct {
	bits   int
	values []frontend.Variable
	counts []frontend.Variable
}

// Small holds v in [0, 2^bits) at one constraint.
func (b *Logup) Small(v frontend.Variable, bits int) {
	for _, table := range b.ranges {
		if table.bits == bits {
			table.values = append(table.values, v)
			b.commit(v)
			return
		}
	}
	panic(fmt.Sprintf("bus: there is no range table of %d bits", bits))
}

// countSmall asks how often each number was looked up, and commits to that. A wrong answer leaves the sum
// unbalanced; nothing else has to be known of it.
func (b *Logup) countSmall(table *rangeTable) (err error) {
	if len(table.values) == 0 {
		return nil
	}
	table.counts, err = b.api.Compiler().NewHint(CountHint, 1<<table.bits, table.values...)
	b.commit(table.counts...)
	return err
}

// balance asserts that what was looked up is in the table.
func (t *rangeTable) balance(c *challenges) {
	if len(t.values) == 0 {
		return
	}
	given := make([]frontend.Variable, len(t.counts))
	for i, count := range t.counts {
		given[i] = c.api.DivUnchecked(count, c.api.Sub(c.gamma, i))
	}
	taken := make([]frontend.Variable, len(t.values))
	for i, v := range t.values {
		taken[i] = c.api.Sub(c.gamma, v)
	}
	c.api.AssertIsEqual(sumAll(c.api, given), sumAll(c.api, invertAll(c.api, taken)))
}

// CountHint counts how often each number below the number of outputs is among the inputs; others are nobody's.
func CountHint(_ *big.Int, inputs, outputs []*big.Int) error {
	counts := make([]int64, len(outputs))
	for _, v := range inputs {
		if v.IsInt64() && v.Int64() < int64(len(counts)) {
			counts[v.Int64()]++
		}
	}
	for i := range outputs {
		outputs[i].SetInt64(counts[i])
	}
	return nil
}

// LimbHint cuts the last input into limbs, least first, whose widths in bits are the other inputs. What is left
// above them is dropped.
func LimbHint(_ *big.Int, inputs, outputs []*big.Int) error {
	last := len(inputs) - 1
	rest := new(big.Int).Set(inputs[last])
	mask := new(big.Int)
	for i := range outputs {
		width := uint(inputs[i].Uint64())
		mask.Lsh(big.NewInt(1), width).Sub(mask, big.NewInt(1))
		outputs[i].And(rest, mask)
		rest.Rsh(rest, width)
	}
	return nil
}

// CopyHint copies its inputs.
func CopyHint(_ *big.Int, inputs, outputs []*big.Int) error {
	for i := range outputs {
		outputs[i].Set(inputs[i])
	}
	return nil
}

// Settle makes one wire of a sum of many, at one constraint, so that what is built on it stays small.
func Settle(api frontend.API, v frontend.Variable) frontend.Variable {
	if _, constant := api.Compiler().ConstantValue(v); constant {
		return v
	}
	wire, err := api.Compiler().NewHint(CopyHint, 1, v)
	if err != nil {
		panic(err) // one input, one output
	}
	api.AssertIsEqual(wire[0], v)
	return wire[0]
}

// CheckRange holds v in [0, 2^bits), 1 <= bits <= 252, at about bits / table width constraints.
func CheckRange(b Bus, v frontend.Variable, bits int) {
	if bits < 1 || bits > 252 {
		panic(fmt.Sprintf("bus: no range of %d bits: from 1 to 252", bits))
	}
	api := b.API()
	if value, constant := api.Compiler().ConstantValue(v); constant {
		if value.BitLen() > bits {
			panic(fmt.Sprintf("bus: the constant %v has more than %d bits", value, bits))
		}
		return
	}
	widths := splitWidth(b.RangeBits(), bits)
	limbs := []frontend.Variable{v}
	if len(widths) > 1 {
		limbs = cutLimbs(api, v, widths)
	}
	for i, limb := range limbs[:len(limbs)-1] {
		b.Small(limb, widths[i])
	}
	checkTop(b, limbs[len(limbs)-1], widths[len(widths)-1])
}

// cutLimbs gives limbs that sum to v; the lowest is what the others leave, so that the sum needs no constraint.
func cutLimbs(api frontend.API, v frontend.Variable, widths []int) []frontend.Variable {
	inputs := make([]frontend.Variable, 0, len(widths)+1)
	for _, width := range widths {
		inputs = append(inputs, width)
	}
	limbs, err := api.Compiler().NewHint(LimbHint, len(widths), append(inputs, v)...)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	low, offset := v, uint(0)
	for i := 1; i < len(limbs); i++ {
		offset += uint(widths[i-1])
		low = api.Sub(low, api.Mul(limbs[i], new(big.Int).Lsh(big.NewInt(1), offset)))
	}
	limbs[0] = low
	return limbs
}

// checkTop holds v in [0, 2^width): in the table of that width, or in a wider one together with its multiple.
func checkTop(b Bus, v frontend.Variable, width int) {
	for _, bits := range b.RangeBits() {
		if bits >= width {
			b.Small(v, bits)
			if bits > width {
				b.Small(b.API().Mul(v, new(big.Int).Lsh(big.NewInt(1), uint(bits-width))), bits)
			}
			return
		}
	}
	panic(fmt.Sprintf("bus: no range table has %d bits", width))
}

// splitWidth cuts a width into those of tables, with the fewest lookups; only the last may be no table's own.
func splitWidth(tables []int, bits int) []int {
	if len(tables) == 0 {
		panic("bus: a range is checked but there is no range table")
	}
	cost, first := make([]int, bits+1), make([]int, bits+1)
	for n := 1; n <= bits; n++ {
		cost[n] = 2 * (n + 1)
		for _, width := range tables {
			switch {
			case width <= n && 1+cost[n-width] < cost[n]:
				cost[n], first[n] = 1+cost[n-width], width
			case width > n && 2 < cost[n]:
				cost[n], first[n] = 2, n
			}
		}
	}
	var widths []int
	for n := bits; n > 0; n -= first[n] {
		widths = append(widths, first[n])
	}
	return widths
}

func minusOne(api frontend.API) *big.Int {
	return new(big.Int).Sub(api.Compiler().Field(), big.NewInt(1))
}
