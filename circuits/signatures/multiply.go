package signatures

import (
	"math/big"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
	edwards "github.com/consensys/gnark/std/algebra/native/twistededwards"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
)

// The two scalars have 63 digits of 2 bits.
const (
	digitBits  = 2
	digitCount = 63
	halfBits   = digitBits * digitCount
	limbBits   = 84
)

var combinations = bus.Sum{Name: "combinations of two points", Width: 5}

func init() { solver.RegisterHint(HalveHint, PointHint) }

// halves are u and v by their digits, with v c = u mod l, or = -u where negative is 1, and v not zero.
type halves struct {
	u, v     []frontend.Variable
	negative integers.Integer
}

// halve cuts a challenge in two. What it asserts is over whole numbers: v c - u = k l, with c the challenge as a
// number below r, limb by limb, no limb's sum reaching the field's size.
func (t *table) halve(challenge frontend.Variable) *halves {
	a := t.integers
	order := t.curve.Params().Order
	outputs, err := t.api.Compiler().NewHint(HalveHint, 4, challenge, order)
	if err != nil {
		panic(err) // two inputs, four outputs
	}
	h := &halves{
		u:        t.cutDigits(outputs[0], digitBits, digitCount),
		v:        t.cutDigits(outputs[1], digitBits, digitCount),
		negative: a.Bit(outputs[2]),
	}
	t.api.AssertIsDifferent(outputs[1], 0)
	// bounds of u and v by their digits, which are looked up
	u, v := integers.Known(outputs[0], halfBits), integers.Known(outputs[1], halfBits)
	k := a.Unsigned(outputs[3], 131)
	signed := a.Select(h.negative, a.Neg(u), u)

	high, rest := a.SplitBelow(challenge, 2*limbBits, t.api.Compiler().Field())
	middle, low := a.Split(rest, limbBits)
	carry := a.Neg(signed)
	for i, limb := range []integers.Integer{low, middle, high} {
		column := a.Sub(a.Mul(v, limb), a.Mul(k, integers.ConstantBig(getLimb(order, i))))
		carry = a.Add(column, carry)
		if i < 2 {
			carry = a.DivideExactly(carry, limbBits, 135)
		}
	}
	t.api.AssertIsEqual(carry.Value, 0)
	return h
}

// getLimb is limb i of a number, the third with all that is left.
func getLimb(v *big.Int, i int) *big.Int {
	rest := new(big.Int).Rsh(v, uint(limbBits*i))
	if i == 2 {
		return rest
	}
	mask := new(big.Int).Lsh(big.NewInt(1), limbBits)
	return rest.And(rest, mask.Sub(mask, big.NewInt(1)))
}

// multiply is [v] p + [u] q: for each pair of digits the combination is looked up among the row's sixteen.
func (t *table) multiply(number int, h *halves, p, q edwards.Point) edwards.Point {
	entries := t.combine(p, q)
	inputs := make([]frontend.Variable, 2, 34)
	for i := range entries {
		inputs = append(inputs, entries[i].X, entries[i].Y)
	}
	var sum edwards.Point
	places := make([]frontend.Variable, digitCount)
	for k := digitCount - 1; k >= 0; k-- {
		inputs[0], inputs[1] = h.v[k], h.u[k]
		outputs, err := t.api.Compiler().NewHint(PointHint, 2, inputs...)
		if err != nil {
			panic(err) // there are inputs and outputs
		}
		chosen := edwards.Point{X: outputs[0], Y: outputs[1]}
		t.bus.Push(combinations, 1, h.v[k], number, h.u[k], chosen.X, chosen.Y)
		places[k] = t.api.Add(h.v[k], t.api.Mul(h.u[k], 4))
		if k == digitCount-1 {
			sum = chosen
		} else {
			sum = t.curve.Add(t.curve.Double(t.curve.Double(sum)), chosen)
		}
	}
	counts, err := t.api.Compiler().NewHint(bus.CountHint, len(entries), places...)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	for i := range entries {
		t.bus.Push(combinations, t.api.Neg(counts[i]), i%4, number, i/4, entries[i].X, entries[i].Y)
	}
	return sum
}

// combine gives i p + j q at i + 4 j, for i and j up to 3.
func (t *table) combine(p, q edwards.Point) (entries [16]edwards.Point) {
	entries[0] = edwards.Point{X: 0, Y: 1}
	entries[1], entries[2] = p, t.curve.Double(p)
	entries[3] = t.curve.Add(entries[2], p)
	entries[4], entries[8] = q, t.curve.Double(q)
	entries[12] = t.curve.Add(entries[8], q)
	for j := 4; j < 16; j += 4 {
		for i := 1; i < 4; i++ {
			entries[i+j] = t.curve.Add(entries[i], entries[j])
		}
	}
	return entries
}

// HalveHint gives u, v, if u counts as negative, and k, with v c - u = k l and u and v below 2^126: Euclid's
// algorithm on l and c, up to the first rest below the root of l.
func HalveHint(_ *big.Int, inputs, outputs []*big.Int) error {
	c, order := inputs[0], inputs[1]
	before, rest := new(big.Int).Set(order), new(big.Int).Mod(c, order)
	factorBefore, factor := new(big.Int), big.NewInt(1)
	for root := new(big.Int).Sqrt(order); rest.Cmp(root) > 0; {
		quotient, next := new(big.Int).QuoRem(before, rest, new(big.Int))
		before, rest = rest, next
		factorBefore, factor = factor, new(big.Int).Sub(factorBefore, new(big.Int).Mul(quotient, factor))
	}
	outputs[0].Set(rest)
	outputs[1].Abs(factor)
	outputs[2].SetUint64(0)
	if factor.Sign() < 0 {
		outputs[2].SetUint64(1)
		rest = new(big.Int).Neg(rest)
	}
	product := new(big.Int).Mul(outputs[1], c)
	outputs[3].Quo(product.Sub(product, rest), order)
	return nil
}

// PointHint gives the entry that the first two inputs name, digits i and j, of the sixteen points that follow; the
// neutral point where there is none.
func PointHint(_ *big.Int, inputs, outputs []*big.Int) error {
	four := big.NewInt(4)
	if inputs[0].Cmp(four) >= 0 || inputs[1].Cmp(four) >= 0 {
		outputs[0].SetUint64(0)
		outputs[1].SetUint64(1)
		return nil
	}
	at := 2 + 2*(inputs[0].Uint64()+4*inputs[1].Uint64())
	outputs[0].Set(inputs[at])
	outputs[1].Set(inputs[at+1])
	return nil
}
