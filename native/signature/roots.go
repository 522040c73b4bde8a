package signature

import (
	"math/big"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/lanes"
)

// r - 1 = 2^28 q with q odd. The root of x is found from x^((q-1)/2), which takes most of the time and is the same
// power for all, and from the discrete logarithm of x^q, 7 bits at a time, in the group of order 2^28 (Sarkar).
const (
	rootBits = 7
	rootPart = 1 << rootBits
	parts    = 4
)

// rootTables are of a generator g of that group.
type rootTables struct {
	power   []byte                      // digits of (q - 1) / 2, 4 bits each, the highest first
	inverse [parts][rootPart]fr.Element // g^(-e 128^part)
	log     map[fr.Element]int          // of g^(e 2^21)
}

var getRootTables = sync.OnceValue(func() *rootTables {
	odd := new(big.Int).Rsh(fr.Modulus(), rootBits*parts)
	t := rootTables{log: map[fr.Element]int{}}
	half := new(big.Int).Rsh(odd, 1)
	for i := (half.BitLen() - 1) / 4; i >= 0; i-- {
		t.power = append(t.power, byte(new(big.Int).Rsh(half, uint(4*i)).Uint64()&15))
	}
	g := fr.NewElement(5) // of the multiplicative group, so no square
	g.Exp(g, odd)
	var step fr.Element
	step.Inverse(&g)
	for part := range t.inverse {
		power := fr.One()
		for e := range rootPart {
			t.inverse[part][e] = power
			power.Mul(&power, &step)
		}
		step = power
	}
	for e := range rootPart {
		t.log[t.inverse[parts-1][(rootPart-e)%rootPart]] = e
	}
	return &t
})

// computeRoots gives a root of each element and tells which are squares.
func computeRoots(squares []fr.Element) (roots []fr.Element, are []bool) {
	roots, are = make([]fr.Element, len(squares)), make([]bool, len(squares))
	if !lanes.Available || len(squares) < fewestForLanes {
		for i := range squares {
			are[i] = roots[i].Sqrt(&squares[i]) != nil
		}
		return roots, are
	}
	tables := getRootTables()
	copy(roots, squares)
	lanes.Power(roots, tables.power)
	for i := range squares {
		are[i] = tables.finish(&roots[i], &squares[i])
	}
	return roots, are
}

// finish takes w = x^((q-1)/2) and puts the root of x in its place, if x has one.
func (t *rootTables) finish(w, x *fr.Element) bool {
	if x.IsZero() {
		return true // w is 0
	}
	var powers [parts]fr.Element // (x^q)^(128^i)
	powers[0].Square(w).Mul(&powers[0], x)
	for i := 1; i < parts; i++ {
		powers[i] = powers[i-1]
		for range rootBits {
			powers[i].Square(&powers[i])
		}
	}
	var digits [parts]int // of the logarithm of x^q, the lowest first
	for i := range digits {
		rest := powers[parts-1-i]
		for j := range i {
			rest.Mul(&rest, &t.inverse[parts-1-i+j][digits[j]])
		}
		digits[i] = t.log[rest]
	}
	if digits[0]%2 != 0 {
		return false
	}
	w.Mul(w, x)
	for i, digit := range digits { // g^(-logarithm / 2)
		half := digit / 2
		if i+1 < parts && digits[i+1]%2 != 0 {
			half += rootPart / 2
		}
		w.Mul(w, &t.inverse[i][half])
	}
	return true
}
