package signature

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

// edges are scalars at which digits carry, then random ones.
func edges(t *testing.T) []*big.Int {
	t.Helper()
	one := big.NewInt(1)
	list := []*big.Int{new(big.Int), one, new(big.Int).Sub(order, one)}
	for _, bit := range []uint{4, 5, 6, 63, 64, 127, 128, 192, 250} {
		power := new(big.Int).Lsh(one, bit)
		list = append(list, power, new(big.Int).Sub(power, one))
	}
	for range 20 {
		list = append(list, randomScalar(t))
	}
	return list
}

func TestMultiplesAreThoseOfGnarkCrypto(t *testing.T) {
	points := append(torsion(t), curve.Base, newKey(t).point)
	for _, v := range edges(t) {
		s := newScalar(v)
		var expected twistededwards.PointAffine
		expected.ScalarMultiplicationBase(v)
		product := multiplyBase(&s)
		if got := product.toAffine(); !got.Equal(&expected) {
			t.Fatalf("[%v]B is wrong", v)
		}
		for i := range points {
			expected.ScalarMultiplication(&points[i], v)
			product := sumMultiples([]addend{newAddend(&points[i])}, []scalar{s})
			if got := product.toAffine(); !got.Equal(&expected) {
				t.Fatalf("[%v]P is wrong for point %d", v, i)
			}
		}
	}
}

// Both ways, at sizes on both sides of where one takes over, with points of small order among the others.
func TestSumOfMultiples(t *testing.T) {
	small, scalarEdges := torsion(t), edges(t)
	for _, count := range []int{0, 1, 2, 17, fewestForBuckets - 1, fewestForBuckets, 300} {
		expected := twistededwards.PointAffine{}
		expected.Y.SetOne()
		points, scalars := make([]addend, count), make([]scalar, count)
		for i := range count {
			p, v := newKey(t).point, randomScalar(t)
			if i%3 == 1 {
				v = scalarEdges[i%len(scalarEdges)]
			}
			if i%5 == 2 {
				p = small[i%len(small)]
			}
			points[i], scalars[i] = newAddend(&p), newScalar(v)
			var product twistededwards.PointAffine
			product.ScalarMultiplication(&p, v)
			expected.Add(&expected, &product)
		}
		interleaved, byBuckets := sumInterleaved(points, scalars), sumByBuckets(points, scalars)
		for way, sum := range map[string]point{"interleaved": interleaved, "by buckets": byBuckets} {
			if got := sum.toAffine(); !got.Equal(&expected) {
				t.Fatalf("the sum of %d multiples, %s, is wrong", count, way)
			}
		}
	}
}

func TestDigitsAddUp(t *testing.T) {
	for _, v := range edges(t) {
		s := newScalar(v)
		for width := 3; width <= 12; width++ {
			digits := make([]int16, countDigits(orderBits, width))
			s.split(width, digits)
			sum := new(big.Int)
			for i := len(digits) - 1; i >= 0; i-- {
				sum.Lsh(sum, uint(width)).Add(sum, big.NewInt(int64(digits[i])))
			}
			if sum.Cmp(v) != 0 {
				t.Fatalf("the digits of %v at width %d make %v", v, width, sum)
			}
		}
	}
}

func TestNonAdjacentFormAddsUp(t *testing.T) {
	for _, v := range edges(t) {
		s := newScalar(v)
		var digits [nafDigits]int8
		s.toNonAdjacentForm(&digits)
		sum := new(big.Int)
		last := nafDigits
		for i := nafDigits - 1; i >= 0; i-- {
			sum.Lsh(sum, 1).Add(sum, big.NewInt(int64(digits[i])))
			if digits[i] == 0 {
				continue
			}
			if digits[i]%2 == 0 || digits[i] > 15 || digits[i] < -15 || (last < nafDigits && last-i < nafWidth) {
				t.Fatalf("digit %d of %v is %d, the next above at %d", i, v, digits[i], last)
			}
			last = i
		}
		if sum.Cmp(v) != 0 {
			t.Fatalf("the digits of %v make %v", v, sum)
		}
	}
}

func TestAdditionHasNoExceptions(t *testing.T) {
	if minusOne := new(big.Int).Neg(big.NewInt(1)); big.Jacobi(minusOne.Mod(minusOne, modulus()), modulus()) != 1 {
		t.Fatal("-1 is no square")
	}
	if big.Jacobi(curve.D.BigInt(new(big.Int)), modulus()) != -1 {
		t.Fatal("d is a square: the addition has exceptions")
	}
}
