// Package outbox is the circuit of a batch's list of withdrawals: the words that L1 has of them fold to the
// accumulator that the machine ends with (spec 10-R07). Where the accumulator comes from is the edges' business.
//
// What a proof says: the words whose polynomial is `Value` at `Point` fold to `Accumulator`. That those words are the
// posted ones follows only if the point was drawn after the accumulator: whoever may choose words once he knows the
// point finds others of the same value. So L1 draws the point from the words' keccak and the accumulator of this very
// proof, also where that is not the one that was claimed.
package outbox

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"
	"golang.org/x/crypto/sha3"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
)

const (
	// Most is how many withdrawals a batch may have (spec 08-R10).
	Most = 256

	ownerBits  = 160
	amountBits = 56
	rangeBits  = 8
)

// Public is what a proof says, in the order of its public inputs (spec 08-R25).
type Public struct {
	Place       frontend.Variable `gnark:",public"` // payee (160 bits), then the number of words
	Point       frontend.Variable `gnark:",public"` // z
	Value       frontend.Variable `gnark:",public"` // y
	Accumulator frontend.Variable `gnark:",public"` // a
}

// Row is a withdrawal. Step is 1 where it is there if the one before is.
type Row struct{ Step, Owner, AmountMicros frontend.Variable }

// Circuit has room for a number of withdrawals.
type Circuit struct {
	Public Public
	Payee  frontend.Variable
	Rows   []Row
}

// New is an empty circuit of Most withdrawals.
func New() frontend.Circuit { return &Circuit{Rows: make([]Row, Most)} }

// Define is what gnark calls.
func (c *Circuit) Define(api frontend.API) error {
	Define(bus.New(api, rangeBits), c)
	return nil
}

// Define holds that as many rows as Place says are there, and that their words have Value at Point and fold to
// Accumulator. Owner, amount and payee are held to their widths, so a word and the place are cut in one way only; rows
// that are not there are free and count for nothing.
func Define(b bus.Bus, c *Circuit) {
	api, a, hasher := b.API(), integers.New(b), poseidon.New(b.API())
	public, rows := &c.Public, c.Rows
	var count, value, accumulator, present frontend.Variable = 0, 1, 0, 1
	shift := new(big.Int).Lsh(big.NewInt(1), amountBits)
	for i := range rows {
		row := &rows[i]
		present = api.Mul(present, a.Bit(row.Step).Value)
		owner, amount := a.Unsigned(row.Owner, ownerBits), a.Unsigned(row.AmountMicros, amountBits)
		word := api.Add(api.Mul(owner.Value, shift), amount.Value)
		next := api.Add(api.Mul(value, public.Point), word)
		value = api.Add(value, api.Mul(present, api.Sub(next, value)))
		folded := hasher.Hash7(native.TagOutbox, accumulator, owner.Value, amount.Value)
		accumulator = bus.Settle(api, api.Add(accumulator, api.Mul(present, api.Sub(folded, accumulator))))
		count = api.Add(count, present)
	}
	payee := a.Unsigned(c.Payee, ownerBits)
	api.AssertIsEqual(api.Add(payee.Value, api.Mul(count, new(big.Int).Lsh(big.NewInt(1), ownerBits))), public.Place)
	api.AssertIsEqual(value, public.Value)
	api.AssertIsEqual(accumulator, public.Accumulator)
}

// Withdrawal is an entry of the outbox.
type Withdrawal struct {
	Owner        [20]byte
	AmountMicros uint64 // below 2^56
}

// Word is what L1 has of a withdrawal.
func (w *Withdrawal) Word() *big.Int {
	word := new(big.Int).SetBytes(w.Owner[:])
	return word.Add(word.Lsh(word, amountBits), new(big.Int).SetUint64(w.AmountMicros))
}

// Fold is the accumulator after the withdrawals (spec 10-R07).
func Fold(withdrawals []Withdrawal) (accumulator fr.Element) {
	for i := range withdrawals {
		var owner fr.Element
		owner.SetBytes(withdrawals[i].Owner[:])
		accumulator = native.Hash7(native.TagOutbox, accumulator, owner, fr.NewElement(withdrawals[i].AmountMicros))
	}
	return accumulator
}

// Bind gives the point that L1 draws for the words and an accumulator, and the words' value there (spec 08-R17).
func Bind(withdrawals []Withdrawal, accumulator *fr.Element) (point, value fr.Element) {
	inner, outer := sha3.NewLegacyKeccak256(), sha3.NewLegacyKeccak256()
	for i := range withdrawals {
		inner.Write(withdrawals[i].Word().FillBytes(make([]byte, 32)))
	}
	bound := accumulator.Bytes()
	outer.Write(inner.Sum(nil))
	outer.Write(bound[:])
	point.SetBigInt(new(big.Int).SetBytes(outer.Sum(nil)))
	value.SetOne()
	for i := range withdrawals {
		var word fr.Element
		word.SetBigInt(withdrawals[i].Word())
		value.Mul(&value, &point).Add(&value, &word)
	}
	return point, value
}

// Assign fills a circuit of `capacity` rows; `payee` is who is paid for the proof.
func Assign(withdrawals []Withdrawal, payee [20]byte, capacity int) (*Circuit, error) {
	if len(withdrawals) > capacity {
		return nil, fmt.Errorf("outbox: %d withdrawals, and a batch has at most %d", len(withdrawals), capacity)
	}
	c := &Circuit{Payee: new(big.Int).SetBytes(payee[:]), Rows: make([]Row, capacity)}
	for i := range c.Rows {
		c.Rows[i] = Row{0, 0, 0}
	}
	for i := range withdrawals {
		w := &withdrawals[i]
		if w.AmountMicros>>amountBits != 0 {
			return nil, fmt.Errorf("outbox: withdrawal %d is of %d micros: no word holds 2^%d", i, w.AmountMicros, amountBits)
		}
		c.Rows[i] = Row{1, new(big.Int).SetBytes(w.Owner[:]), w.AmountMicros}
	}
	accumulator := Fold(withdrawals)
	point, value := Bind(withdrawals, &accumulator)
	c.Public = Public{packPlace(payee, len(withdrawals)), point, value, accumulator}
	return c, nil
}

func packPlace(payee [20]byte, count int) *big.Int {
	place := new(big.Int).Lsh(big.NewInt(int64(count)), ownerBits)
	return place.Add(place, new(big.Int).SetBytes(payee[:]))
}
