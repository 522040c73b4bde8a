package signature

import (
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

// PublicKey is a point of the curve, as its two coordinates of 32 big-endian bytes.
type PublicKey [64]byte

// Signature is R, compressed as gnark-crypto does (y little-endian, top bit set if x > (r-1)/2), then s as 32
// big-endian bytes (spec 10-R05).
type Signature [64]byte

// decodeKey returns the key's point, if its coordinates are below r and on the curve.
func decodeKey(key *PublicKey) (twistededwards.PointAffine, bool) {
	var a twistededwards.PointAffine
	if a.X.SetBytesCanonical(key[:32]) != nil || a.Y.SetBytesCanonical(key[32:]) != nil {
		return a, false
	}
	return a, a.IsOnCurve()
}

// encodeKey writes a point's coordinates.
func encodeKey(a *twistededwards.PointAffine) PublicKey {
	var key PublicKey
	x, y := a.X.Bytes(), a.Y.Bytes()
	copy(key[:32], x[:])
	copy(key[32:], y[:])
	return key
}

// half is a compressed point between reading y and knowing x: x^2 = numerator / denominator.
type half struct {
	y, numerator fr.Element
	largest      bool // x is the larger root
}

// parseCompressed reads y and the sign, and the denominator, which is never zero since d is not a square.
func parseCompressed(raw []byte) (h half, denominator fr.Element, ok bool) {
	var reversed [32]byte
	copy(reversed[:], raw)
	slices.Reverse(reversed[:])
	h.largest = reversed[0]&0x80 != 0
	reversed[0] &= 0x7f
	if h.y.SetBytesCanonical(reversed[:]) != nil {
		return h, denominator, false
	}
	var one, square fr.Element
	one.SetOne()
	square.Square(&h.y)
	h.numerator.Sub(&square, &one)
	denominator.Mul(&square, &curve.D).Add(&denominator, &one)
	return h, denominator, true
}

// finish takes a root of x^2 and gives the point, if its sign is canonical: with x = 0 the top bit must be clear.
func (h *half) finish(root *fr.Element) (twistededwards.PointAffine, bool) {
	a := twistededwards.PointAffine{X: *root, Y: h.y}
	if a.X.LexicographicallyLargest() != h.largest {
		a.X.Neg(&a.X)
	}
	return a, a.X.LexicographicallyLargest() == h.largest
}
