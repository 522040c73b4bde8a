package soundness_test

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/outbox"
	native "miletus/native/poseidon"
)

// outboxSubjects has a list of two withdrawals in three rows.
func outboxSubjects() []subject {
	const rows = 3
	list := []outbox.Withdrawal{{Owner: [20]byte{19: 5}, AmountMicros: 70}, {Owner: [20]byte{0: 9}, AmountMicros: 1}}
	witness := func(change func(c *outbox.Circuit)) []frontend.Variable {
		c, err := outbox.Assign(list, [20]byte{0: 0xab, 19: 0xcd}, rows)
		if err != nil {
			panic(err)
		}
		change(c)
		return harness.Flatten(c)
	}
	define := func(b bus.Bus, in []frontend.Variable) {
		c := &outbox.Circuit{Rows: make([]outbox.Row, rows)}
		harness.Fill(in, c)
		outbox.Define(b, c)
	}
	// bind makes public what a list gives at the honest point
	bind := func(c *outbox.Circuit, changed []outbox.Withdrawal) {
		point := c.Public.Point.(fr.Element)
		value := fr.One()
		for i := range changed {
			var word fr.Element
			word.SetBigInt(changed[i].Word())
			value.Mul(&value, &point).Add(&value, &word)
		}
		c.Public.Value, c.Public.Accumulator = value, outbox.Fold(changed)
	}
	// foldWide folds an owner and an amount that fit no word, and then the second withdrawal
	foldWide := func(owner uint64, amount *big.Int) fr.Element {
		first := native.Hash7(native.TagOutbox, fr.Element{}, fr.NewElement(owner), *new(fr.Element).SetBigInt(amount))
		var second fr.Element
		second.SetBytes(list[1].Owner[:])
		return native.Hash7(native.TagOutbox, first, second, fr.NewElement(list[1].AmountMicros))
	}
	place := func(c *outbox.Circuit, count int64) *big.Int {
		return new(big.Int).Add(c.Payee.(*big.Int), new(big.Int).Lsh(big.NewInt(count), 160))
	}
	asserts := []string{"assert:outbox.Define"}
	// owner - 1 and amount + 2^56 make the same word
	carried := new(big.Int).Lsh(big.NewInt(1), 56)
	return []subject{{
		name: "outbox", gadgets: []string{"outbox.Define"}, ranges: []int{8}, define: define,
		honest: witness(func(*outbox.Circuit) {}),
		attacks: []attack{
			{name: "another amount", inputs: witness(func(c *outbox.Circuit) { c.Rows[0].AmountMicros = 71 }), off: asserts},
			{name: "another owner", inputs: witness(func(c *outbox.Circuit) { c.Rows[1].Owner = 5 }), off: asserts},
			{name: "withdrawal left out", inputs: witness(func(c *outbox.Circuit) { c.Rows[1].Step = 0 }), off: asserts},
			{name: "withdrawal added", inputs: witness(func(c *outbox.Circuit) { c.Rows[2] = outbox.Row{Step: 1, Owner: 1, AmountMicros: 1} }), off: asserts},
			{name: "empty withdrawal added", inputs: witness(func(c *outbox.Circuit) { c.Rows[2].Step = 1 }), off: asserts},
			{name: "swapped", inputs: witness(func(c *outbox.Circuit) { c.Rows[0], c.Rows[1] = c.Rows[1], c.Rows[0] }), off: asserts},
			{name: "folded and not posted", inputs: witness(func(c *outbox.Circuit) {
				value := c.Public.Value
				bind(c, []outbox.Withdrawal{{Owner: [20]byte{19: 5}, AmountMicros: 71}, list[1]})
				c.Rows[0].AmountMicros, c.Public.Value = 71, value
			}), off: asserts},
			{name: "posted and not folded", inputs: witness(func(c *outbox.Circuit) {
				accumulator := c.Public.Accumulator
				bind(c, []outbox.Withdrawal{{Owner: [20]byte{19: 5}, AmountMicros: 71}, list[1]})
				c.Rows[0].AmountMicros, c.Public.Accumulator = 71, accumulator
			}), off: asserts},
			{name: "another count", inputs: witness(func(c *outbox.Circuit) { c.Public.Place = place(c, 3) }), off: asserts},
			{name: "payee swapped", inputs: witness(func(c *outbox.Circuit) { c.Payee = 7 }), off: asserts},
			{name: "payee that hides a count", inputs: witness(func(c *outbox.Circuit) {
				// one withdrawal is said to be two by a payee of 2^160 and more
				bind(c, list[:1])
				c.Rows[1].Step = 0
				c.Payee = new(big.Int).Add(c.Payee.(*big.Int), new(big.Int).Lsh(big.NewInt(1), 160))
			}), off: []string{"integers.(*Arithmetic).Unsigned"}},
			{name: "another point", inputs: witness(func(c *outbox.Circuit) { c.Public.Point = 3 }), off: asserts},
			{name: "word cut at another place", inputs: witness(func(c *outbox.Circuit) {
				amount := new(big.Int).Add(carried, big.NewInt(70))
				c.Rows[0].Owner, c.Rows[0].AmountMicros = 4, amount
				c.Public.Accumulator = foldWide(4, amount)
			}), off: []string{"integers.(*Arithmetic).Unsigned"}},
			{name: "step that is not a bit", inputs: witness(func(c *outbox.Circuit) {
				// one row that counts twice: 1 + 2 (z + w - 1) and twice its hash
				point, accumulator := c.Public.Point.(fr.Element), outbox.Fold(list[:1])
				var value fr.Element
				value.SetBigInt(list[0].Word())
				one := fr.One()
				value.Add(&value, &point).Sub(&value, &one).Double(&value).Add(&value, &one)
				c.Rows[0].Step, c.Rows[1].Step = 2, 0
				c.Public.Value, c.Public.Accumulator = value, *accumulator.Double(&accumulator)
			}), off: []string{"assert:integers.(*Arithmetic).Bit"}},
		},
	}}
}
