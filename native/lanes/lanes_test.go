package lanes

import (
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

func requireKernels(t testing.TB) {
	t.Helper()
	if !Available {
		t.Skip("this processor has no AVX-512 with 52-bit multiplication")
	}
}

// fill gives elements at the edges of the field and random ones.
func fill(elements []fr.Element) {
	var top, half fr.Element
	top.SetInt64(-1)
	half.SetBigInt(new(big.Int).Rsh(fr.Modulus(), 1))
	edges := []fr.Element{{}, fr.One(), top, half, {1}, {^uint64(0)}}
	for i := range elements {
		elements[i].MustSetRandom()
		if choice := int(elements[i][0] % 16); choice < len(edges) {
			elements[i] = edges[choice]
		}
	}
}

func loadConstants(width int) Constants {
	parameters := poseidon2.NewParameters(width, 8, 57)
	keys := slices.Clone(parameters.RoundKeys)
	for i := 4; i < 4+57; i++ {
		keys[i] = keys[i][:1]
	}
	return NewConstants(parameters.DiagM1, keys)
}

// rule: 10-R01
func TestPermutationsAreThoseOfGnarkCrypto(t *testing.T) {
	requireKernels(t)
	narrowConstants := loadConstants(8)
	narrow, wide := poseidon2.NewPermutation(8, 8, 57), poseidon2.NewPermutation(16, 8, 57)
	for _, count := range []int{1, 7, 8, 9, 64, 203} {
		small, large := make([][8]fr.Element, count), make([][16]fr.Element, count)
		for i := range count {
			fill(small[i][:])
			fill(large[i][:])
		}
		alone := append([][8]fr.Element(nil), small...)
		expectedSmall := append([][8]fr.Element(nil), small...)
		expectedLarge := append([][16]fr.Element(nil), large...)
		Permute8(small, narrowConstants)
		Permute16(large, loadConstants(16))
		for i := range count {
			if narrow.Permutation(expectedSmall[i][:]) != nil || wide.Permutation(expectedLarge[i][:]) != nil {
				t.Fatal("the reference failed")
			}
			if PermuteOne(&alone[i], narrowConstants); alone[i] != expectedSmall[i] {
				t.Fatalf("state %d alone differs from gnark-crypto's", i)
			}
			if small[i] != expectedSmall[i] || large[i] != expectedLarge[i] {
				t.Fatalf("state %d of %d differs from gnark-crypto's", i, count)
			}
		}
	}
}

func TestPowers(t *testing.T) {
	requireKernels(t)
	for _, digits := range [][]byte{{0}, {1}, {15}, {1, 0}, {7, 0, 15, 3, 0, 0, 1}} {
		elements := make([]fr.Element, 61)
		fill(elements)
		exponent := new(big.Int)
		for _, digit := range digits {
			exponent.Lsh(exponent, 4).Add(exponent, big.NewInt(int64(digit)))
		}
		raised := append([]fr.Element(nil), elements...)
		Power(raised, digits)
		for i := range elements {
			var expected fr.Element
			if expected.Exp(elements[i], exponent); raised[i] != expected {
				t.Fatalf("element %d to the power %v is %v, not %v", i, exponent, raised[i], expected)
			}
		}
	}
}

// claim makes one that holds, with scalars that the cases choose.
func claim(response, challenge *big.Int) (c Claim) {
	curve := twistededwards.GetEdwardsCurve()
	var key, r, product twistededwards.PointAffine
	var secret fr.Element
	secret.MustSetRandom()
	key.ScalarMultiplication(&curve.Base, secret.BigInt(new(big.Int)))
	r.ScalarMultiplication(&curve.Base, response)
	product.ScalarMultiplication(&key, challenge)
	product.Neg(&product)
	r.Add(&r, &product)
	c.R, c.Key = [2]fr.Element{r.X, r.Y}, [2]fr.Element{key.X, key.Y}
	var raw [32]byte
	for to, v := range map[*[4]uint64]*big.Int{&c.Response: response, &c.Challenge: challenge} {
		for i, b := range v.FillBytes(raw[:]) {
			to[3-i/8] = to[3-i/8]<<8 | uint64(b)
		}
	}
	return c
}

// rule: 10-R04
func TestClaims(t *testing.T) {
	requireKernels(t)
	order := twistededwards.GetEdwardsCurve().Order
	least, most := new(big.Int), new(big.Int).Sub(fr.Modulus(), big.NewInt(1))
	last := new(big.Int).Sub(&order, big.NewInt(1))
	scalars := []*big.Int{least, big.NewInt(1), big.NewInt(31), big.NewInt(32), last}
	var claims []Claim
	for _, response := range scalars {
		for _, challenge := range append(scalars, most) {
			claims = append(claims, claim(response, challenge))
		}
	}
	for range 30 {
		var random [2]fr.Element
		random[0].MustSetRandom()
		random[1].MustSetRandom()
		response := random[0].BigInt(new(big.Int))
		claims = append(claims, claim(response.Mod(response, &order), random[1].BigInt(new(big.Int))))
	}
	for i, valid := range Verify(claims) {
		if !valid {
			t.Errorf("claim %d does not hold", i)
		}
	}
	for i := range claims {
		switch i % 3 {
		case 0:
			claims[i].Response[i%4] ^= 1 << (i % 50)
		case 1:
			claims[i].Challenge[i%4] ^= 1 << (i % 53)
		case 2:
			claims[i].R = claims[i].Key
		}
	}
	for i, valid := range Verify(claims) {
		if valid {
			t.Errorf("claim %d holds with another scalar or point", i)
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	requireKernels(b)
	const count = 64
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "us/item")
	}
	b.Run("permute-8", func(b *testing.B) {
		states, constants := make([][8]fr.Element, count), loadConstants(8)
		for b.Loop() {
			Permute8(states, constants)
		}
		report(b)
	})
	b.Run("permute-one", func(b *testing.B) {
		var state [8]fr.Element
		constants := loadConstants(8)
		for b.Loop() {
			PermuteOne(&state, constants)
		}
	})
	b.Run("permute-16", func(b *testing.B) {
		states, constants := make([][16]fr.Element, count), loadConstants(16)
		for b.Loop() {
			Permute16(states, constants)
		}
		report(b)
	})
	b.Run("verify", func(b *testing.B) {
		claims := make([]Claim, count)
		for b.Loop() {
			Verify(claims)
		}
		report(b)
	})
	b.Run("power", func(b *testing.B) {
		elements, digits := make([]fr.Element, count), make([]byte, 57)
		for i := range digits {
			digits[i] = 7
		}
		for b.Loop() {
			Power(elements, digits)
		}
		report(b)
	})
}
