package signatures

import (
	"math/big"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
	edwards "github.com/consensys/gnark/std/algebra/native/twistededwards"

	"miletus/circuits/integers"
	"miletus/circuits/words"
)

// nonResidue is no square of the field: for every v, v or 5 v is one.
const nonResidue = 5

func init() { solver.RegisterHint(RootHint) }

// readKey gives the key and if it is a point of the curve.
func (t *table) readKey(row *Row) (edwards.Point, integers.Integer) {
	parameters := t.curve.Params()
	xx, yy := t.api.Mul(row.KeyX, row.KeyX), t.api.Mul(row.KeyY, row.KeyY)
	left := t.api.Add(t.api.Mul(xx, parameters.A), yy)
	right := t.api.Add(1, t.api.Mul(t.api.Mul(xx, yy), parameters.D))
	return edwards.Point{X: row.KeyX, Y: row.KeyY}, t.integers.IsZeroElement(t.api.Sub(left, right))
}

// readR decompresses R: its bytes are y, lowest first, and in the top bit of the last the sign of x. It tells if
// there is such a point, and if the bytes are the ones that it has to be written with.
//
// With w = (1 - y^2) / (a - d y^2), x^2 = w has a root or x^2 = 5 w has one; for w = 0 the first is asked for. So
// there is one answer, and always one. Of the two roots the size decides, and it is asserted.
func (t *table) readR(row *Row) (r edwards.Point, isPoint, isCanonical integers.Integer) {
	a, api := t.integers, t.api
	bytes := words.Cut(t.bus, row.RWord)
	slices.Reverse(bytes[:])
	low := words.Join(a, bytes[:]...)
	sign, top := a.Split(a.Unsigned(row.RByte, 8), 7)
	y := a.Element(top, low, 248)

	outputs, err := api.Compiler().NewHint(RootHint, 2, y)
	if err != nil {
		panic(err) // one input, two outputs
	}
	parameters := t.curve.Params()
	root, flag := outputs[0], a.Bit(outputs[1])
	yy := api.Mul(y, y)
	factor := api.Add(nonResidue, api.Mul(flag.Value, 1-nonResidue))
	left := api.Mul(api.Mul(root, root), api.Sub(parameters.A, api.Mul(yy, parameters.D)))
	api.AssertIsEqual(left, api.Mul(factor, api.Sub(1, yy)))
	a.SplitBelow(root, 126, half()) // the smaller of the two roots
	zero := a.IsZeroElement(root)
	api.AssertIsEqual(a.And(zero, a.Not(flag)).Value, 0)

	x := api.Mul(root, api.Sub(1, api.Mul(sign.Value, 2)))
	isCanonical = a.And(a.IsBelowModulus(top, low, 248), a.Not(a.And(zero, sign)))
	return edwards.Point{X: x, Y: y}, flag, isCanonical
}

// half is (r + 1) / 2: an element below it is not greater than its negative.
func half() *big.Int {
	v := fr.Modulus()
	return v.Add(v, big.NewInt(1)).Rsh(v, 1)
}

// readS gives s and if it is canonical; one that is not becomes 0.
func (t *table) readS(row *Row) (frontend.Variable, integers.Integer) {
	a := t.integers
	high, low := a.Unsigned(row.SWord, 248), a.Unsigned(row.SByte, 8)
	canonical := a.IsBelow(high, low, 8, t.curve.Params().Order)
	return t.api.Mul(canonical.Value, a.Element(high, low, 8)), canonical
}

// orNeutral is the point where the bit is 1, else the neutral one.
func (t *table) orNeutral(bit integers.Integer, p edwards.Point) edwards.Point {
	y := t.api.Add(1, t.api.Mul(bit.Value, t.api.Sub(p.Y, 1)))
	return edwards.Point{X: t.api.Mul(bit.Value, p.X), Y: y}
}

// negateUnless is the point where the bit is 1, else its negative.
func (t *table) negateUnless(bit integers.Integer, p edwards.Point) edwards.Point {
	return edwards.Point{X: t.api.Mul(p.X, t.api.Sub(t.api.Mul(bit.Value, 2), 1)), Y: p.Y}
}

func (t *table) timesEight(p edwards.Point) edwards.Point {
	return t.curve.Double(t.curve.Double(t.curve.Double(p)))
}

// RootHint gives the smaller root of (1 - y^2) / (a - d y^2) and 1, or that of its multiple by 5 and 0.
func RootHint(_ *big.Int, inputs, outputs []*big.Int) error {
	var y, numerator, denominator, root fr.Element
	one := fr.One()
	y.SetBigInt(inputs[0])
	y.Square(&y)
	numerator.Sub(&one, &y)
	denominator.Mul(&y, &native.D)
	denominator.Sub(&native.A, &denominator)
	numerator.Div(&numerator, &denominator)
	flag := uint64(1)
	if root.Sqrt(&numerator) == nil {
		five := fr.NewElement(nonResidue)
		root.Sqrt(numerator.Mul(&numerator, &five))
		flag = 0
	}
	if root.LexicographicallyLargest() {
		root.Neg(&root)
	}
	root.BigInt(outputs[0])
	outputs[1].SetUint64(flag)
	return nil
}
