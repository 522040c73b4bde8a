package signatures_test

import (
	"crypto/rand"
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	"miletus/circuits/signatures"
	hashing "miletus/native/poseidon"
	native "miletus/native/signature"
)

var curve = twistededwards.GetEdwardsCurve()

type point = twistededwards.PointAffine

func randomScalar() *big.Int {
	v, err := rand.Int(rand.Reader, &curve.Order)
	if err != nil {
		panic(err)
	}
	return v
}

func multiple(k *big.Int) (p point) {
	p.ScalarMultiplication(&curve.Base, k)
	return p
}

// findTorsion gives a point of order 8.
func findTorsion() (p point) {
	for {
		var raw [32]byte
		_, _ = rand.Read(raw[:])
		if _, err := p.SetBytes(raw[:]); err != nil || !p.IsOnCurve() { // it takes a y without an x too
			continue
		}
		p.ScalarMultiplication(&p, &curve.Order)
		if q := p; !q.Double(q.Double(&q)).IsZero() {
			return p
		}
	}
}

// signWith signs with points added to the key and to R.
func signWith(message fr.Element, onKey, onR point) native.Statement {
	secret, nonce := randomScalar(), randomScalar()
	a, r := multiple(secret), multiple(nonce)
	a.Add(&a, &onKey)
	r.Add(&r, &onR)
	c := hashing.Hash7(hashing.TagChallenge, r.X, r.Y, a.X, a.Y, message)
	s := c.BigInt(new(big.Int))
	s.Mul(s, secret).Add(s, nonce).Mod(s, &curve.Order)
	return statement(message, a, r.Bytes(), s)
}

func statement(message fr.Element, key point, r [32]byte, s *big.Int) native.Statement {
	st := native.Statement{Message: message}
	x, y := key.X.Bytes(), key.Y.Bytes()
	copy(st.Key[:32], x[:])
	copy(st.Key[32:], y[:])
	copy(st.Signature[:32], r[:])
	s.FillBytes(st.Signature[32:])
	return st
}

// compress writes a number of up to 255 bits and a sign as R is written.
func compress(y *big.Int, sign byte) (raw [32]byte) {
	y.FillBytes(raw[:])
	slices.Reverse(raw[:])
	raw[31] |= sign << 7
	return raw
}

type example struct {
	name string
	st   native.Statement
}

func examples() (list []example) {
	add := func(name string, st native.Statement) { list = append(list, example{name, st}) }
	message := fr.NewElement(7)
	neutral := point{Y: fr.One()}
	torsion := findTorsion()
	add("valid", signWith(message, neutral, neutral))
	add("key with a part of small order", signWith(message, torsion, neutral))
	add("R with a part of small order", signWith(message, neutral, torsion))
	add("both with parts of small order", signWith(message, torsion, torsion))

	base := signWith(message, neutral, neutral)
	change := func(name string, f func(st *native.Statement)) {
		st := base
		f(&st)
		add(name, st)
	}
	change("another message", func(st *native.Statement) { st.Message.SetUint64(8) })
	change("key off the curve", func(st *native.Statement) { st.Key[63] ^= 1 })
	change("key zero", func(st *native.Statement) { st.Key = native.PublicKey{} })
	change("R not on the curve or another", func(st *native.Statement) { st.Signature[0] ^= 1 })
	change("R not on the curve or another, again", func(st *native.Statement) { st.Signature[0] ^= 2 })
	change("sign of R", func(st *native.Statement) { st.Signature[31] ^= 0x80 })
	change("s one more", func(st *native.Statement) { st.Signature[63]++ })
	change("s plus the order", func(st *native.Statement) {
		s := new(big.Int).SetBytes(st.Signature[32:])
		s.Add(s, &curve.Order).FillBytes(st.Signature[32:])
	})
	change("s the order", func(st *native.Statement) { curve.Order.FillBytes(st.Signature[32:]) })
	change("s of 256 ones", func(st *native.Statement) {
		for i := 32; i < 64; i++ {
			st.Signature[i] = 255
		}
	})
	change("R of 256 ones", func(st *native.Statement) {
		for i := range 32 {
			st.Signature[i] = 255
		}
	})

	// a key and R of small order: s = 0 satisfies the equation whatever the message
	top := new(big.Int).Sub(fr.Modulus(), big.NewInt(1))
	add("neutral key and R", statement(message, neutral, compress(big.NewInt(1), 0), new(big.Int)))
	add("R neutral with the wrong sign", statement(message, neutral, compress(big.NewInt(1), 1), new(big.Int)))
	add("R of order two", statement(message, neutral, compress(top, 0), new(big.Int)))
	add("R of order two with the wrong sign", statement(message, neutral, compress(top, 1), new(big.Int)))
	add("R of small order, key too", statement(message, torsion, torsion.Bytes(), new(big.Int)))
	add("R neutral, y not canonical", statement(message, neutral,
		compress(new(big.Int).Add(fr.Modulus(), big.NewInt(1)), 0), new(big.Int)))
	add("y of the modulus", statement(message, neutral, compress(fr.Modulus(), 0), new(big.Int)))
	s := randomScalar()
	r := multiple(s)
	add("neutral key", statement(message, neutral, r.Bytes(), s))
	for range 3 {
		st := native.Statement{Message: message}
		_, _ = rand.Read(st.Signature[:])
		key := multiple(randomScalar())
		add("garbage", statement(message, key, [32]byte(st.Signature[:32]), new(big.Int).SetBytes(st.Signature[32:])))
	}
	return list
}

// rule: 10-R04
// rule: 10-R05
func TestValidIsWhatTheNativeCheckSays(t *testing.T) {
	define := func(b bus.Bus, in []frontend.Variable) {
		rows := make([]signatures.Row, 1)
		harness.Fill(in[1:], &rows[0])
		signatures.Define(b, poseidon.New(b.API()), rows)
		signatures.Lookup(b, 1, &rows[0], in[0])
	}
	system, err := harness.Compile(define, 9, []int{8, 13})
	if err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, e := range examples() {
		verdict := 0
		if native.Verify(&e.st) {
			verdict = 1
			valid++
		}
		inputs := harness.Flatten(&struct {
			Valid frontend.Variable
			Row   signatures.Row
		}{verdict, harness.SignatureRow(e.st.Message, e.st.Key, e.st.Signature)})
		if err := harness.Solve(system, inputs); err != nil {
			t.Errorf("%s: not %d, or not satisfiable: %v", e.name, verdict, err)
		}
		inputs[0] = 1 - verdict
		if harness.Solve(system, inputs) == nil {
			t.Errorf("%s: may be %d too", e.name, 1-verdict)
		}
	}
	if valid < 7 {
		t.Errorf("only %d of the examples are valid", valid)
	}
}

func TestManyRows(t *testing.T) {
	const count = 4
	define := func(b bus.Bus, in []frontend.Variable) {
		rows := make([]signatures.Row, count)
		harness.Fill(in[count:], &rows)
		signatures.Define(b, poseidon.New(b.API()), rows)
		for i := range rows {
			signatures.Lookup(b, 1, &rows[i], in[i])
		}
	}
	system, err := harness.Compile(define, 9*count, []int{8})
	if err != nil {
		t.Fatal(err)
	}
	neutral := point{Y: fr.One()}
	var verdicts, rows []frontend.Variable
	for i := range count {
		st := signWith(fr.NewElement(uint64(i)), neutral, neutral)
		if i == 2 {
			st.Signature[40] ^= 1
		}
		verdicts = append(verdicts, map[bool]int{false: 0, true: 1}[native.Verify(&st)])
		row := harness.SignatureRow(st.Message, st.Key, st.Signature)
		rows = append(rows, harness.Flatten(&row)...)
	}
	if verdicts[1] != 1 || verdicts[2] != 0 {
		t.Fatalf("the examples are %v", verdicts)
	}
	if err := harness.Solve(system, append(verdicts, rows...)); err != nil {
		t.Fatal(err)
	}
}
