package signature

import (
	"crypto/rand"
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

func newKey(t testing.TB) *PrivateKey {
	t.Helper()
	var seed [32]byte
	_, _ = rand.Read(seed[:])
	key, err := DeriveKey(&seed)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func randomScalar(t testing.TB) *big.Int {
	t.Helper()
	v, err := rand.Int(rand.Reader, order)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newStatements signs random messages with `keys` different keys.
func newStatements(t testing.TB, count, keys int) []Statement {
	t.Helper()
	signers := make([]*PrivateKey, keys)
	for i := range signers {
		signers[i] = newKey(t)
	}
	statements := make([]Statement, count)
	for i := range statements {
		key := signers[i%keys]
		s := Statement{Key: key.Public()}
		s.Message.MustSetRandom()
		s.Signature = key.Sign(&s.Message)
		statements[i] = s
	}
	return statements
}

// torsion lists the 8 points whose order divides the cofactor.
func torsion(t testing.TB) []twistededwards.PointAffine {
	t.Helper()
	for {
		var y fr.Element
		y.MustSetRandom()
		raw := y.Bytes()
		slices.Reverse(raw[:])
		h, denominator, ok := parseCompressed(raw[:])
		if !ok {
			continue
		}
		denominator.Inverse(&denominator)
		roots, are := findRoots([]half{h}, []fr.Element{denominator})
		p, ok := h.finish(&roots[0])
		if !ok || !are[0] {
			continue
		}
		var generator twistededwards.PointAffine
		generator.ScalarMultiplication(&p, order)
		points := []twistededwards.PointAffine{{Y: fr.One()}}
		for next := generator; !next.IsZero(); next.Add(&next, &generator) {
			points = append(points, next)
		}
		if len(points) == 8 {
			return points
		}
	}
}

// signWith makes a signature whose R and key carry given points of small order besides their own parts.
func signWith(t testing.TB, key *PrivateKey, message *fr.Element, onKey, onR *twistededwards.PointAffine) Statement {
	t.Helper()
	nonce := randomScalar(t)
	var r, a twistededwards.PointAffine
	r.ScalarMultiplicationBase(nonce)
	r.Add(&r, onR)
	a.Add(&key.point, onKey)
	challenge := computeChallenge(&r, &a, message)
	response := challenge.BigInt(new(big.Int))
	response.Mul(response, key.scalar).Add(response, nonce).Mod(response, order)
	s := Statement{Key: encodeKey(&a), Message: *message}
	compressed := r.Bytes()
	copy(s.Signature[:32], compressed[:])
	response.FillBytes(s.Signature[32:])
	return s
}

func modulus() *big.Int { return fr.Modulus() }
