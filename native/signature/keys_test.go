package signature

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// rule: 10-R06
func TestDerivation(t *testing.T) {
	seed := [32]byte{1, 2, 3}
	key, err := DeriveKey(&seed)
	if err != nil {
		t.Fatal(err)
	}
	wide := append(keccak(seed[:], []byte{0}), keccak(seed[:], []byte{1})...)
	expected := new(big.Int).Mod(new(big.Int).SetBytes(wide), order)
	if key.scalar.Cmp(expected) != 0 {
		t.Fatal("the scalar is not the wide hash modulo l")
	}
	seed[31] = 1
	if other, _ := DeriveKey(&seed); other.Public() == key.Public() {
		t.Fatal("two seeds give one key")
	}
}

func TestSigningIsAFunctionOfKeyAndMessage(t *testing.T) {
	key := newKey(t)
	one, two := fr.NewElement(1), fr.NewElement(2)
	first := key.Sign(&one)
	if again := key.Sign(&one); again != first {
		t.Fatal("one message has two signatures")
	}
	b := key.Sign(&two)
	if bytes.Equal(first[:32], b[:32]) {
		t.Fatal("two messages share a nonce: the key can be computed from their signatures")
	}
	other := newKey(t).Sign(&one)
	if bytes.Equal(first[:32], other[:32]) {
		t.Fatal("two keys share a nonce")
	}
}

func TestPrivateKeysAsBytes(t *testing.T) {
	key := newKey(t)
	raw := key.Bytes()
	again, err := ReadPrivateKey(&raw)
	if err != nil {
		t.Fatal(err)
	}
	message := fr.NewElement(7)
	if again.Sign(&message) != key.Sign(&message) {
		t.Fatal("the key that was read signs otherwise")
	}
	for _, change := range []func(*[PrivateKeySize]byte){
		func(raw *[PrivateKeySize]byte) { clear(raw[:32]) },
		func(raw *[PrivateKeySize]byte) { order.FillBytes(raw[:32]) },
		func(raw *[PrivateKeySize]byte) { raw[127] ^= 1 },
	} {
		bad := raw
		change(&bad)
		if _, err := ReadPrivateKey(&bad); err == nil {
			t.Fatal("bytes that are no key were taken")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key, message := newKey(b), fr.NewElement(7)
	for b.Loop() {
		key.Sign(&message)
	}
}

func BenchmarkVerify(b *testing.B) {
	statement := newStatements(b, 1, 1)[0]
	for b.Loop() {
		Verify(&statement)
	}
}

func BenchmarkVerifyMany(b *testing.B) {
	for _, size := range []struct {
		name        string
		count, keys int
	}{{"16", 16, 8}, {"64", 64, 20}, {"1024", 1024, 200}, {"1024-keys", 1024, 1024}} {
		statements := newStatements(b, size.count, size.keys)
		b.Run(size.name, func(b *testing.B) {
			for b.Loop() {
				VerifyMany(statements)
			}
			b.ReportMetric(float64(b.N*size.count)/b.Elapsed().Seconds(), "signatures/s")
		})
	}
	for name, step := range map[string]int{"1024-one-bad": 1024, "1024-all-bad": 1} {
		b.Run(name, func(b *testing.B) {
			statements := newStatements(b, 1024, 200)
			for i := 0; i < len(statements); i += step {
				statements[i].Message.SetUint64(1)
			}
			for b.Loop() {
				VerifyMany(statements)
			}
			b.ReportMetric(float64(b.N*1024)/b.Elapsed().Seconds(), "signatures/s")
		})
	}
}
