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
			product := multiply(&points[i], &s)
			if got := product.toAffine(); !got.Equal(&expected) {
				t.Fatalf("[%v]P is wrong for point %d", v, i)
			}
		}
	}
}

func TestSumOfMultiples(t *testing.T) {
	for _, size := range []int{coefficientBits, orderBits} {
		limit := new(big.Int).Lsh(big.NewInt(1), uint(size))
		for _, count := range []int{0, 1, 2, 17, 300} {
			expected := twistededwards.PointAffine{}
			expected.Y.SetOne()
			points, scalars := make([]addend, count), make([]scalar, count)
			for i := range count {
				p, v := newKey(t).point, randomScalar(t)
				v.Mod(v, limit)
				if i == 0 {
					v.Sub(limit, big.NewInt(1)).Mod(v, order)
				}
				points[i], scalars[i] = newAddend(&p), newScalar(v)
				var product twistededwards.PointAffine
				product.ScalarMultiplication(&p, v)
				expected.Add(&expected, &product)
			}
			sum := sumMultiples(points, scalars, size)
			if got := sum.toAffine(); !got.Equal(&expected) {
				t.Fatalf("the sum of %d multiples of %d bits is wrong", count, size)
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

func TestAdditionHasNoExceptions(t *testing.T) {
	if minusOne := new(big.Int).Neg(big.NewInt(1)); big.Jacobi(minusOne.Mod(minusOne, modulus()), modulus()) != 1 {
		t.Fatal("-1 is no square")
	}
	if big.Jacobi(curve.D.BigInt(new(big.Int)), modulus()) != -1 {
		t.Fatal("d is a square: the addition has exceptions")
	}
}
