package segments

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
	"miletus/native/signature"
)

var domain = fr.NewElement(99)

func newKey(t testing.TB, seed byte) *signature.PrivateKey {
	t.Helper()
	key, err := signature.DeriveKey(&[32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// toLimbs writes a public key as the state holds it.
func toLimbs(key signature.PublicKey) []int64 {
	var limbs []int64
	for _, raw := range [][]byte{key[:32], key[32:]} {
		v := new(big.Int).SetBytes(raw)
		for range 5 {
			limbs = append(limbs, new(big.Int).And(v, big.NewInt(1<<52-1)).Int64())
			v.Rsh(v, 52)
		}
	}
	return limbs
}

// newOperation makes a signed operation of `count` words.
func newOperation(key *signature.PrivateKey, count int, fill byte) []byte {
	words := bytes.Repeat([]byte{fill}, count*Size)
	var message fr.Element
	payload := new(fr.Element).SetBigInt(new(big.Int).SetBytes(words[:29]))
	if count == 5 {
		x := new(fr.Element).SetBigInt(new(big.Int).SetBytes(words[31:62]))
		y := new(fr.Element).SetBigInt(new(big.Int).SetBytes(words[62:93]))
		message = poseidon.Hash7(1, domain, *payload, *x, *y)
	} else {
		message = poseidon.Hash7(1, domain, *payload)
	}
	s := key.Sign(&message)
	copy(words[(count-2)*Size:], s[:31])
	copy(words[(count-1)*Size:], s[32:63])
	words[29], words[30] = s[31], s[63]
	return words
}

// rule: 10-R03
// rule: 10-R05
func TestOperationsOfASegment(t *testing.T) {
	one, two := newKey(t, 1), newKey(t, 2)
	cells := append(append(make([]int64, 7), toLimbs(one.Public())...), toLimbs(two.Public())...)
	words := newOperation(one, 3, 0x10)
	words = append(words, newOperation(two, 5, 0x15)...)
	words = append(words, bytes.Repeat([]byte{7}, 2*Size)...)
	operations := []Operation{{0, 3, 7}, {3, 5, 17}, {0, 3, 17}, {3, 5, 7}, {0, 3, 0}, {8, 2, 7}, {8, 0, 7}, {0, 5, 7}}
	valid, err := VerifyOperations(&domain, words, cells, operations)
	if err != nil {
		t.Fatal(err)
	}
	for i := range operations {
		if valid[i] != (i < 2) {
			t.Errorf("operation %d: %v", i, valid[i])
		}
	}
	other := fr.NewElement(98)
	valid, _ = VerifyOperations(&other, words, cells, operations[:2])
	if valid[0] || valid[1] {
		t.Error("a signature holds in another domain")
	}
	for at := range 3 * Size {
		changed := bytes.Clone(words)
		changed[at] ^= 1
		if valid, _ := VerifyOperations(&domain, changed, cells, operations[:1]); valid[0] {
			t.Errorf("byte %d is not signed", at)
		}
	}
	for at := range 5 * Size {
		changed := bytes.Clone(words)
		changed[3*Size+at] ^= 1
		if valid, _ := VerifyOperations(&domain, changed, cells, operations[1:2]); valid[0] {
			t.Errorf("byte %d of SetKey is not signed", at)
		}
	}
}

func TestOperationsOutsideTheSegmentAreErrors(t *testing.T) {
	words, cells := make([]byte, 4*Size), make([]int64, 10)
	for _, o := range []Operation{
		{-1, 3, 0}, {2, 3, 0}, {0, 5, 0}, {0, -1, 0}, {1 << 62, 1 << 62, 0}, {4, 1, 0}, {0, 3, 1}, {0, 3, -1}, {0, 3, 1 << 62},
	} {
		if _, err := VerifyOperations(&domain, words, cells, []Operation{o}); err == nil {
			t.Errorf("%v was taken", o)
		}
	}
}

func TestLimbsThatAreNoCoordinate(t *testing.T) {
	key := newKey(t, 3)
	words := newOperation(key, 3, 1)
	for _, change := range []func([]int64){
		func(limbs []int64) { limbs[0] += 1 << 52 },
		func(limbs []int64) { limbs[4] += 1 << 48 },
		func(limbs []int64) { limbs[9] = -1 },
		func(limbs []int64) { limbs[5] ^= 1 },
	} {
		cells := toLimbs(key.Public())
		change(cells)
		if valid, err := VerifyOperations(&domain, words, cells, []Operation{{0, 3, 0}}); err != nil || valid[0] {
			t.Errorf("limbs %v: %v %v", cells, valid, err)
		}
	}
}

// rule: 10-R08
func TestBindingOfData(t *testing.T) {
	for _, count := range []int{0, 1, 13, 14, 15, 28, 29} {
		words := make([]byte, count*Size)
		for i := range words {
			words[i] = byte(i * 7)
		}
		digest, h, z, y, err := BindData(words)
		if err != nil {
			t.Fatal(err)
		}
		padded, state := []byte{}, new(fr.Element).SetUint64(uint64(count))
		var group []fr.Element
		expected := fr.One()
		for i := range count {
			word := words[i*Size : (i+1)*Size]
			padded = append(append(padded, 0), word...)
			e := *new(fr.Element).SetBigInt(new(big.Int).SetBytes(word))
			if group = append(group, e); len(group) == 14 || i == count-1 {
				*state = poseidon.Hash15(5, append([]fr.Element{*state}, group...)...)
				group = nil
			}
			expected.Mul(&expected, &z).Add(&expected, &e)
		}
		raw := h.Bytes()
		outer := Keccak(append(bytes.Clone(digest[:]), raw[:]...))
		point := new(fr.Element).SetBigInt(new(big.Int).SetBytes(outer[:]))
		if digest != Keccak(padded) || !h.Equal(state) || !z.Equal(point) || !y.Equal(&expected) {
			t.Fatalf("%d words are bound wrongly", count)
		}
	}
	if _, _, _, _, err := BindData(make([]byte, 30)); err == nil {
		t.Fatal("half a word was taken")
	}
}

// Words padded with zeros make another h, and so another point: attack where the length is free.
//
// rule: 10-R08
func TestPaddedDataIsOtherData(t *testing.T) {
	_, h, z, _, _ := BindData(make([]byte, 3*Size))
	_, other, point, _, _ := BindData(make([]byte, 4*Size))
	if h.Equal(&other) || z.Equal(&point) {
		t.Fatal("3 and 4 zero words are bound alike")
	}
}

// rule: 10-R07
func TestReceiptsAreAChain(t *testing.T) {
	receipts := []int64{1, 2, 3, 4, 0, 0, 0, 0, 17, 1 << 61, -5, 1 << 33}
	whole, err := AbsorbReceipts(fr.NewElement(5), receipts)
	if err != nil {
		t.Fatal(err)
	}
	step := fr.NewElement(5)
	for i := 0; i < len(receipts); i += 4 {
		e := [5]fr.Element{step}
		for j := range 4 {
			e[j+1].SetInt64(receipts[i+j])
		}
		step = poseidon.Hash7(3, e[:]...)
	}
	if !whole.Equal(&step) {
		t.Fatal("the accumulator is no chain of single receipts")
	}
	if _, err := AbsorbReceipts(step, receipts[:3]); err == nil {
		t.Fatal("part of a receipt was taken")
	}
}
