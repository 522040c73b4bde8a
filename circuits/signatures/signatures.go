// Package signatures is the table of signature checks (spec 10-R04): EdDSA on BabyJubJub, total. A row has a
// message, a key and a signature as words carry them, and says if it is valid; what is not canonical, or not on
// the curve, is invalid and never unsatisfiable. Which key and message belong together is the steps' business.
//
// With [8] on both sides everything lies in the group of prime order l: the equation is D = [c]A8, where
// D = [s][8]B - [8]R and A8 = [8]A. The prover gives u and v, both below 2^126, with v c = u mod l and v not zero
// (half of Euclid's algorithm finds them); then D = [c]A8 exactly if [v]D = [u]A8, which takes half the doublings.
package signatures

import (
	"github.com/consensys/gnark-crypto/ecc/twistededwards"
	"github.com/consensys/gnark/frontend"
	edwards "github.com/consensys/gnark/std/algebra/native/twistededwards"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/poseidon"
	tags "miletus/native/poseidon"
)

var results = bus.Sum{Name: "signatures", Width: 7}

// Row is one check. RWord and SWord are the last two words of a signed operation, RByte and SByte bytes 29 and 30
// of its first (spec 10-R05). Count is how often the result is looked up.
type Row struct {
	Message, KeyX, KeyY        frontend.Variable
	RWord, SWord, RByte, SByte frontend.Variable
	Count                      frontend.Variable
}

// table is what all rows of a circuit share.
type table struct {
	api      frontend.API
	bus      bus.Bus
	integers *integers.Arithmetic
	hasher   *poseidon.Hasher
	curve    edwards.Curve
	digits   [baseWindows][]frontend.Variable // of each window of the base point's multiples
}

// Define adds rows to the table. Once a circuit.
func Define(b bus.Bus, hasher *poseidon.Hasher, rows []Row) {
	curve, err := edwards.NewEdCurve(b.API(), twistededwards.BN254)
	if err != nil {
		panic(err) // only for another field
	}
	t := &table{api: b.API(), bus: b, integers: integers.New(b), hasher: hasher, curve: curve}
	for i := range rows {
		row := &rows[i]
		valid := t.check(i, row)
		b.Push(results, b.API().Neg(row.Count), join(b.API(), row, valid.Value)...)
	}
	t.defineBase()
}

// Lookup holds that the row's check gives `valid`. Nothing is held where enabled, which is asserted to be a bit,
// is 0. The bytes must be bytes.
func Lookup(b bus.Bus, enabled frontend.Variable, row *Row, valid frontend.Variable) {
	integers.New(b).Bit(enabled)
	b.Push(results, enabled, join(b.API(), row, valid)...)
}

// join makes the tuple; the two bytes are one element.
func join(api frontend.API, row *Row, valid frontend.Variable) []frontend.Variable {
	bytes := api.Add(row.RByte, api.Mul(row.SByte, 256))
	return []frontend.Variable{row.Message, row.KeyX, row.KeyY, row.RWord, row.SWord, bytes, valid}
}

// check is 1 if the signature of the row is valid.
func (t *table) check(number int, row *Row) integers.Integer {
	a := t.integers
	key, keyIsPoint := t.readKey(row)
	r, rIsPoint, rIsCanonical := t.readR(row)
	s, sIsCanonical := t.readS(row)
	challenge := bus.Settle(t.api, t.hasher.Hash7(tags.TagChallenge, r.X, r.Y, key.X, key.Y, row.Message))
	key, r = t.orNeutral(keyIsPoint, key), t.orNeutral(rIsPoint, r)
	difference := t.curve.Add(t.multiplyBase(s), t.curve.Neg(t.timesEight(r)))
	h := t.halve(challenge)
	multiple := t.negateUnless(h.negative, t.timesEight(key))
	sum := t.multiply(number, h, difference, multiple)
	neutral := a.And(a.IsZeroElement(sum.X), a.IsZeroElement(t.api.Sub(sum.Y, 1)))
	return a.And(keyIsPoint, rIsPoint, rIsCanonical, sIsCanonical, neutral)
}
