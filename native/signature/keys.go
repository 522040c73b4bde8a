package signature

import (
	"errors"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
	"golang.org/x/crypto/sha3"

	"miletus/native/poseidon"
)

// ErrZeroKey is what deriving from a seed gives in one of 2^250 cases.
var ErrZeroKey = errors.New("this seed gives the zero scalar: sign another key index")

// PrivateKey is a secret scalar, the secret from which nonces come, and the public point.
//
// Neither deriving nor signing runs in constant time: sign on a machine that you alone use.
type PrivateKey struct {
	scalar *big.Int
	prefix [32]byte
	public PublicKey
	point  twistededwards.PointAffine
}

// DeriveKey makes the key of a seed of 32 bytes (spec 10-R06).
func DeriveKey(seed *[32]byte) (*PrivateKey, error) {
	secret := reduceWide(seed[:])
	if secret.Sign() == 0 {
		return nil, ErrZeroKey
	}
	s := newScalar(secret)
	product := multiplyBase(&s)
	key := PrivateKey{scalar: secret, point: product.toAffine()}
	copy(key.prefix[:], keccak(seed[:], []byte{2}))
	key.public = encodeKey(&key.point)
	return &key, nil
}

// PrivateKeySize is the length of a private key's bytes: scalar, prefix and public key.
const PrivateKeySize = 128

// Bytes gives the key as bytes, as secret as the seed.
func (k *PrivateKey) Bytes() (raw [PrivateKeySize]byte) {
	k.scalar.FillBytes(raw[:32])
	copy(raw[32:], k.prefix[:])
	copy(raw[64:], k.public[:])
	return raw
}

// ReadPrivateKey takes what Bytes gave. That scalar and public key belong together is not checked.
func ReadPrivateKey(raw *[PrivateKeySize]byte) (*PrivateKey, error) {
	key := PrivateKey{scalar: new(big.Int).SetBytes(raw[:32])}
	copy(key.prefix[:], raw[32:64])
	copy(key.public[:], raw[64:])
	var ok bool
	if key.point, ok = decodeKey(&key.public); !ok || key.scalar.Sign() == 0 || key.scalar.Cmp(order) >= 0 {
		return nil, errors.New("these bytes are no private key")
	}
	return &key, nil
}

// Public returns the public key.
func (k *PrivateKey) Public() PublicKey { return k.public }

// Sign signs one field element. The nonce is a function of key and message (spec 10-R06), so the same message
// has the same signature.
func (k *PrivateKey) Sign(message *fr.Element) Signature {
	raw := message.Bytes()
	nonce := reduceWide(k.prefix[:], k.public[:], raw[:])
	s := newScalar(nonce)
	product := multiplyBase(&s)
	r := product.toAffine()
	challenge := computeChallenge(&r, &k.point, message)
	response := challenge.BigInt(new(big.Int))
	response.Mul(response, k.scalar).Add(response, nonce).Mod(response, order)
	var signature Signature
	compressed := r.Bytes()
	copy(signature[:32], compressed[:])
	response.FillBytes(signature[32:])
	return signature
}

// computeChallenge is c of spec 10-R04.
func computeChallenge(r, a *twistededwards.PointAffine, message *fr.Element) fr.Element {
	input := challengeInput(r, a, message)
	return poseidon.Hash7(poseidon.TagChallenge, input[:]...)
}

func challengeInput(r, a *twistededwards.PointAffine, message *fr.Element) [7]fr.Element {
	return [7]fr.Element{r.X, r.Y, a.X, a.Y, *message}
}

// reduceWide hashes to 512 bits, big-endian keccak(parts || 0) || keccak(parts || 1), and takes them modulo l.
func reduceWide(parts ...[]byte) *big.Int {
	wide := keccak(append(parts, []byte{0})...)
	wide = append(wide, keccak(append(parts, []byte{1})...)...)
	v := new(big.Int).SetBytes(wide)
	return v.Mod(v, order)
}

func keccak(parts ...[]byte) []byte {
	hash := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		hash.Write(part)
	}
	return hash.Sum(nil)
}
