package signature

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/lanes"
)

// checkBoth sees that one by one, side by side and as a sum give `expected`.
func checkBoth(t *testing.T, statements []Statement, expected func(int) bool) {
	t.Helper()
	together, summed := VerifyMany(statements), verifyWithoutLanes(statements)
	for i := range statements {
		if got := Verify(&statements[i]); got != expected(i) {
			t.Fatalf("statement %d alone: %v", i, got)
		}
		if together[i] != expected(i) {
			t.Fatalf("statement %d among %d: %v", i, len(statements), together[i])
		}
		if summed[i] != expected(i) {
			t.Fatalf("statement %d in a sum of %d: %v", i, len(statements), summed[i])
		}
	}
}

// verifyWithoutLanes is VerifyMany on a processor without the kernels.
func verifyWithoutLanes(statements []Statement) []bool {
	available := lanes.Available
	defer func() { lanes.Available = available }()
	lanes.Available = false
	return VerifyMany(statements)
}

func TestRoots(t *testing.T) {
	elements := make([]fr.Element, 300) // the first is 0
	for i := 1; i < len(elements); i++ {
		elements[i].MustSetRandom()
		if i%3 == 0 {
			elements[i].SetUint64(uint64(i * i))
		}
		if i < 30 { // of order 2^i, whose logarithm has zeros below
			odd := new(big.Int).Rsh(fr.Modulus(), uint(28))
			elements[i].SetUint64(5).Exp(elements[i], odd.Lsh(odd, uint(i-1)))
		}
	}
	roots, are := computeRoots(elements)
	for i := range elements {
		var square fr.Element
		if square.Square(&roots[i]); are[i] != (elements[i].Legendre() >= 0) || (are[i] && square != elements[i]) {
			t.Fatalf("element %d, %v: root %v, %v", i, elements[i], roots[i], are[i])
		}
	}
}

// rule: 10-R04
func TestSignaturesHold(t *testing.T) {
	for _, count := range []int{0, 1, 2, 6, 7, 31, 32, 33, 150} {
		checkBoth(t, newStatements(t, count, count/3+1), func(int) bool { return true })
	}
}

// rule: 10-R04
func TestBadOnesAmongGoodOnes(t *testing.T) {
	statements := newStatements(t, 120, 11)
	for i := range statements {
		switch i % 8 {
		case 1:
			statements[i].Message.SetUint64(1)
		case 3:
			statements[i].Signature[63] ^= 1
		case 6:
			statements[i].Key = statements[i-1].Key
		}
	}
	checkBoth(t, statements, func(i int) bool { return i%8 != 1 && i%8 != 3 && i%8 != 6 })
}

// Two wrong signatures whose errors cancel in a plain sum: only random coefficients tell.
//
// rule: 10-R04
func TestErrorsThatCancelAreFound(t *testing.T) {
	statements := newStatements(t, 40, 40)
	shift := big.NewInt(12345)
	for i, sign := range []int64{1, -1} {
		raw := statements[i].Signature[32:]
		s := new(big.Int).SetBytes(raw)
		s.Add(s, new(big.Int).Mul(shift, big.NewInt(sign))).Mod(s, order).FillBytes(raw)
	}
	checkBoth(t, statements, func(i int) bool { return i > 1 })
}

// Points of small order in R, in the key or in both are removed by the cofactor, everywhere alike: each
// combination is valid, alone and among others, where parts could add up.
//
// rule: 10-R04
func TestSmallOrderPartsAreRemovedByTheCofactor(t *testing.T) {
	small := torsion(t)
	statements := newStatements(t, 30, 5)
	for i := range small {
		for j := range small {
			var message fr.Element
			message.MustSetRandom()
			statements = append(statements, signWith(t, newKey(t), &message, &small[i], &small[j]))
		}
	}
	checkBoth(t, statements, func(int) bool { return true })
}

// A key of small order: [8]A is neutral, so [8][s]B = [8]R is all that is asked.
//
// rule: 10-R04
func TestKeysOfSmallOrder(t *testing.T) {
	small := torsion(t)
	statements := newStatements(t, 20, 3)
	good := len(statements)
	for i := range small {
		s := statements[i]
		s.Key = encodeKey(&small[i])
		s.Signature = Signature{}
		compressed := small[len(small)-1-i].Bytes()
		copy(s.Signature[:32], compressed[:]) // R of small order, s = 0
		statements = append(statements, s)
	}
	checkBoth(t, statements, func(int) bool { return true })
	for i := good; i < len(statements); i++ {
		statements[i].Signature[63] = 1 // s = 1
	}
	checkBoth(t, statements, func(i int) bool { return i < good })
}

// rule: 10-R04
func TestNothingButCanonicalValuesIsValid(t *testing.T) {
	good := newStatements(t, 1, 1)[0]
	s := new(big.Int).SetBytes(good.Signature[32:])
	cases := map[string]Statement{}
	with := func(name string, change func(*Statement)) {
		bad := good
		change(&bad)
		cases[name] = bad
	}
	with("s + l", func(b *Statement) { new(big.Int).Add(s, order).FillBytes(b.Signature[32:]) })
	with("s + 4 l", func(b *Statement) { new(big.Int).Add(s, new(big.Int).Lsh(order, 2)).FillBytes(b.Signature[32:]) })
	with("s = l", func(b *Statement) { order.FillBytes(b.Signature[32:]) })
	with("s = 2^256 - 1", func(b *Statement) {
		for i := 32; i < 64; i++ {
			b.Signature[i] = 0xff
		}
	})
	with("the other x of R", func(b *Statement) { b.Signature[31] ^= 0x80 })
	with("y of R = r", func(b *Statement) { putLittleEndian(b.Signature[:32], fr.Modulus()) })
	with("y of R + r", func(b *Statement) { addModulus(b.Signature[:32]) })
	with("key x + r", func(b *Statement) { addBig(b.Key[:32], fr.Modulus()) })
	with("key y + r", func(b *Statement) { addBig(b.Key[32:], fr.Modulus()) })
	with("key off the curve", func(b *Statement) { b.Key[63] ^= 1 })
	with("no key", func(b *Statement) { b.Key = PublicKey{} })
	with("all zero", func(b *Statement) { b.Signature = Signature{} })
	for name, bad := range cases {
		if bad.Key == good.Key && bad.Signature == good.Signature {
			t.Fatalf("%s: nothing was changed", name)
		}
		statements := append(newStatements(t, 20, 2), bad, good)
		checkBoth(t, statements, func(i int) bool { return i != 20 })
	}
}

// (0, 1) and (0, -1) have x = 0, whose sign bit must be clear.
//
// rule: 10-R05
func TestSignOfZeroIsCanonical(t *testing.T) {
	s := newStatements(t, 1, 1)[0]
	s.Key = encodeKey(&torsion(t)[0])
	s.Signature = Signature{0: 1} // R = (0, 1), s = 0
	checkBoth(t, []Statement{s}, func(int) bool { return true })
	s.Signature[31] = 0x80
	checkBoth(t, []Statement{s}, func(int) bool { return false })
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	good := newStatements(t, 1, 1)[0]
	var statements []Statement
	for bit := range 8 * 64 {
		bad := good
		bad.Signature[bit/8] ^= 1 << (bit % 8)
		statements = append(statements, bad)
		bad = good
		bad.Key[bit/8] ^= 1 << (bit % 8)
		statements = append(statements, bad)
	}
	checkBoth(t, statements, func(int) bool { return false })
}

func FuzzVerifyIsTotal(f *testing.F) {
	good := newStatements(f, 1, 1)[0]
	f.Add(good.Key[:], good.Signature[:], uint64(1))
	f.Fuzz(func(t *testing.T, key, signature []byte, message uint64) {
		var s Statement
		copy(s.Key[:], key)
		copy(s.Signature[:], signature)
		s.Message.SetUint64(message)
		statements := []Statement{s, good, s, good, s, s, s, good}
		valid := VerifyMany(statements)
		for i := range statements {
			if valid[i] != Verify(&statements[i]) {
				t.Fatalf("statement %d: %v among others", i, valid[i])
			}
		}
	})
}

func addBig(to []byte, v *big.Int) {
	new(big.Int).Add(new(big.Int).SetBytes(to), v).FillBytes(to)
}

func putLittleEndian(to []byte, v *big.Int) {
	v.FillBytes(to)
	for i, j := 0, len(to)-1; i < j; i, j = i+1, j-1 {
		to[i], to[j] = to[j], to[i]
	}
}

// addModulus adds r to the little-endian y under its sign bit, which r leaves alone where the sum has 255 bits.
func addModulus(to []byte) {
	sign := to[31] & 0x80
	reversed := make([]byte, 32)
	for i := range to {
		reversed[31-i] = to[i]
	}
	reversed[0] &= 0x7f
	addBig(reversed, fr.Modulus())
	putLittleEndian(to, new(big.Int).SetBytes(reversed))
	to[31] |= sign
}
