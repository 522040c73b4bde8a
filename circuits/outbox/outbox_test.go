package outbox_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/keys"
	"miletus/circuits/outbox"
	"miletus/native/segments"
)

const (
	room  = 5
	fixed = 5 // public inputs and the payee
)

var payee = [20]byte{0: 0xab, 19: 0xcd}

func compile(t *testing.T) constraint.ConstraintSystem {
	t.Helper()
	system, err := harness.Compile(func(b bus.Bus, in []frontend.Variable) {
		c := &outbox.Circuit{Rows: make([]outbox.Row, room)}
		harness.Fill(in, c)
		outbox.Define(b, c)
	}, fixed+3*room, []int{8})
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func someWithdrawals(random *rand.Rand, count int) []outbox.Withdrawal {
	withdrawals := make([]outbox.Withdrawal, count)
	for i := range withdrawals {
		for j := range withdrawals[i].Owner {
			withdrawals[i].Owner[j] = byte(random.Uint32())
		}
		withdrawals[i].AmountMicros = random.Uint64N(1 << 56)
	}
	return withdrawals
}

// rule: 08-R10
// rule: 08-R25
// rule: 10-R07
func TestEveryNumberOfWithdrawals(t *testing.T) {
	system, random := compile(t), rand.New(rand.NewPCG(1, 2))
	for count := range room + 1 {
		withdrawals := someWithdrawals(random, count)
		if count > 2 {
			withdrawals[0] = outbox.Withdrawal{}
			withdrawals[1].AmountMicros = 1<<56 - 1
			for j := range withdrawals[1].Owner {
				withdrawals[1].Owner[j] = 255
			}
		}
		c, err := outbox.Assign(withdrawals, payee, room)
		if err != nil {
			t.Fatal(err)
		}
		if err := harness.Solve(system, harness.Flatten(c)); err != nil {
			t.Errorf("%d withdrawals: %v", count, err)
		}
	}
}

func TestNoWithdrawalIsZeroAndOne(t *testing.T) {
	c, err := outbox.Assign(nil, payee, room)
	if err != nil {
		t.Fatal(err)
	}
	accumulator, value := c.Public.Accumulator.(fr.Element), c.Public.Value.(fr.Element)
	if !accumulator.IsZero() || !value.IsOne() {
		t.Fatalf("an empty outbox folds to %v and has the value %v", accumulator, value)
	}
}

// The binding is that of a segment's words with the accumulator in the place of h.
//
// rule: 08-R17
func TestBindingIsThatOfWords(t *testing.T) {
	withdrawals := someWithdrawals(rand.New(rand.NewPCG(3, 4)), 4)
	accumulator := outbox.Fold(withdrawals)
	point, value := outbox.Bind(withdrawals, &accumulator)
	expected, number := fr.One(), new(big.Int)
	raw := make([]byte, 0, segments.Size*len(withdrawals))
	for i := range withdrawals {
		raw = append(raw, withdrawals[i].Word().FillBytes(make([]byte, segments.Size))...)
	}
	for i := range withdrawals {
		var word fr.Element
		word.SetBigInt(number.SetBytes(raw[segments.Size*i : segments.Size*(i+1)]))
		expected.Mul(&expected, &point).Add(&expected, &word)
	}
	if !expected.Equal(&value) {
		t.Fatal("the value is not that of the words")
	}
	keccak, h, z, y, err := segments.BindData(raw)
	if err != nil {
		t.Fatal(err)
	}
	again, value2 := outbox.Bind(withdrawals, &h)
	if !again.Equal(&z) || !value2.Equal(&y) {
		t.Fatalf("words of keccak %x and hash %v are bound otherwise than a segment's", keccak, h)
	}
}

// Whatever is not the list that was folded is refused.
func TestOtherListsAreRefused(t *testing.T) {
	system := compile(t)
	withdrawals := someWithdrawals(rand.New(rand.NewPCG(5, 6)), 3)
	honest, err := outbox.Assign(withdrawals, payee, room)
	if err != nil {
		t.Fatal(err)
	}
	inputs := harness.Flatten(honest)
	if err := harness.Solve(system, inputs); err != nil {
		t.Fatal(err)
	}
	used := fixed + 3*len(withdrawals)
	for i := range inputs {
		var other fr.Element
		other.SetInterface(inputs[i])
		one := fr.One()
		changed := append([]frontend.Variable(nil), inputs...)
		changed[i] = other.Add(&other, &one)
		free := i > used // past the step of the first row that is not there
		if refused := harness.Solve(system, changed) != nil; refused == free {
			t.Errorf("input %d changed: refused is %v", i, refused)
		}
	}
}

func TestWhatDoesNotFitIsTold(t *testing.T) {
	if _, err := outbox.Assign(make([]outbox.Withdrawal, room+1), payee, room); err == nil {
		t.Error("more withdrawals than rows are taken")
	}
	if _, err := outbox.Assign([]outbox.Withdrawal{{AmountMicros: 1 << 56}}, payee, room); err == nil {
		t.Error("an amount of 57 bits is taken")
	}
}

// What is proved is compiled whole, and has the four public inputs that L1 gives.
func TestTheWholeCircuit(t *testing.T) {
	if testing.Short() {
		t.Skip("256 hashes compile for seconds")
	}
	system, err := keys.Compile(&keys.Circuit{Name: "outbox", New: outbox.New})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d constraints", system.Constraints.GetNbConstraints())
	if system.Public() != 4 {
		t.Fatalf("%d public inputs", system.Public())
	}
	c, err := outbox.Assign(someWithdrawals(rand.New(rand.NewPCG(7, 8)), outbox.Most), payee, outbox.Most)
	if err != nil {
		t.Fatal(err)
	}
	witness, err := frontend.NewWitness(c, ecc.BN254.ScalarField())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := system.Constraints.Solve(witness, harness.Options()...); err != nil {
		t.Fatal(err)
	}
}
