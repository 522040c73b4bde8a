// Package segments is what hashing and signing make of data words: messages, signatures taken out of words, the
// accumulators and the binding of a segment's data (spec 10-R03, 10-R05, 10-R07, 10-R08).
package segments

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"golang.org/x/crypto/sha3"

	"miletus/native/parallel"
	"miletus/native/poseidon"
	"miletus/native/signature"
)

const (
	// Size is the number of bytes of a word.
	Size = 31
	// PayloadSize is the number of bytes of a signed word that are signed as its payload.
	PayloadSize = 29
	// KeyLimbs is the number of limbs of a key in the machine's state: x, then y.
	KeyLimbs = 10

	limbBits     = 52
	limbs        = 5
	setKeyWords  = 5
	smallestWord = 3 // words of a signed operation, at least
	grain        = 16
)

// element reads up to 31 big-endian bytes, always below r.
func element(raw []byte) fr.Element {
	var padded [32]byte
	copy(padded[32-len(raw):], raw)
	var e fr.Element
	e.SetBytes(padded[:])
	return e
}

// Operation says where in a segment a signed operation lies and where in the state its key does.
type Operation struct {
	FirstWord, Words, KeyAddress int64
}

// VerifyOperations tells for each operation if its signature holds under the key at its address in `cells`
// (10 limbs of 52 bits). An operation of fewer than 3 words holds no signature and is invalid.
func VerifyOperations(domain *fr.Element, words []byte, cells []int64, operations []Operation) ([]bool, error) {
	check, err := NewCheck(domain, words, cells, operations)
	if err != nil {
		return nil, err
	}
	return check.Run(), nil
}

// Check is what VerifyOperations has to do, with all that it needs copied.
type Check struct {
	domain     fr.Element
	words      []byte
	operations []Operation
	keys       [][KeyLimbs]int64
}

// NewCheck looks at the places of words and keys, and copies both.
func NewCheck(domain *fr.Element, words []byte, cells []int64, operations []Operation) (*Check, error) {
	count := int64(len(words) / Size)
	check := &Check{*domain, slices.Clone(words), slices.Clone(operations), make([][KeyLimbs]int64, len(operations))}
	for i, o := range operations {
		if o.FirstWord < 0 || o.Words < 0 || o.Words > count || o.FirstWord > count-o.Words {
			return nil, fmt.Errorf("operation %d: words %d+%d are not in a segment of %d", i, o.FirstWord, o.Words, count)
		}
		if o.KeyAddress < 0 || o.KeyAddress > int64(len(cells))-KeyLimbs {
			return nil, fmt.Errorf("operation %d: no key can lie at address %d of %d", i, o.KeyAddress, len(cells))
		}
		copy(check.keys[i][:], cells[o.KeyAddress:])
	}
	return check, nil
}

// Run checks, on all cores.
func (c *Check) Run() []bool {
	statements := make([]signature.Statement, len(c.operations))
	whole := make([]bool, len(c.operations))
	parallel.Run(len(c.operations), grain, func(first, end int) {
		inputs := make([][7]fr.Element, end-first)
		for i := first; i < end; i++ {
			o := &c.operations[i]
			key, ok := readKey(&c.keys[i])
			if !ok || o.Words < smallestWord {
				continue
			}
			own := c.words[o.FirstWord*Size : (o.FirstWord+o.Words)*Size]
			inputs[i-first] = messageInput(&c.domain, own)
			statements[i] = signature.Statement{Key: key, Signature: takeSignature(own)}
			whole[i] = true
		}
		for i, message := range poseidon.Hash7Many(poseidon.TagMessage, inputs) {
			statements[first+i].Message = message
		}
	})
	valid := signature.VerifyMany(statements)
	for i := range valid {
		valid[i] = valid[i] && whole[i]
	}
	return valid
}

// messageInput is what the message of a signed operation is the hash of (spec 10-R03). Only SetKey takes five
// words and signs x and y.
func messageInput(domain *fr.Element, own []byte) [7]fr.Element {
	input := [7]fr.Element{*domain, element(own[:PayloadSize])}
	if len(own) == setKeyWords*Size {
		input[2], input[3] = element(own[Size:2*Size]), element(own[2*Size:3*Size])
	}
	return input
}

// takeSignature puts the signature together from an operation's last two words and bytes 29 and 30 of its first.
func takeSignature(own []byte) signature.Signature {
	var s signature.Signature
	tail := own[len(own)-2*Size:]
	copy(s[:31], tail[:Size])
	s[31] = own[29]
	copy(s[32:63], tail[Size:])
	s[63] = own[30]
	return s
}

// readKey reads a key's limbs; what does not fit 256 bits is no key.
func readKey(from *[KeyLimbs]int64) (key signature.PublicKey, ok bool) {
	x, okX := readLimbs((*[limbs]int64)(from[:limbs]))
	y, okY := readLimbs((*[limbs]int64)(from[limbs:]))
	copy(key[:32], x[:])
	copy(key[32:], y[:])
	return key, okX && okY
}

// readLimbs writes 5 limbs of 52 bits as 32 big-endian bytes.
func readLimbs(from *[limbs]int64) (raw [32]byte, ok bool) {
	for i, limb := range from {
		if limb>>limbBits != 0 || (i == limbs-1 && limb>>(256-4*limbBits) != 0) {
			return raw, false
		}
	}
	l := func(i int) uint64 { return uint64(from[i]) }
	binary.BigEndian.PutUint64(raw[24:], l(0)|l(1)<<52)
	binary.BigEndian.PutUint64(raw[16:], l(1)>>12|l(2)<<40)
	binary.BigEndian.PutUint64(raw[8:], l(2)>>24|l(3)<<28)
	binary.BigEndian.PutUint64(raw[:8], l(3)>>36|l(4)<<16)
	return raw, true
}

// BindData computes what binds a segment's data (spec 10-R08): the keccak of the words as 32 bytes each, their
// Poseidon2 hash h, the point z and the value y there.
func BindData(words []byte) (digest [32]byte, h, z, y fr.Element, err error) {
	if len(words)%Size != 0 {
		return digest, h, z, y, fmt.Errorf("%d bytes are not whole words of %d", len(words), Size)
	}
	count := len(words) / Size
	elements := make([]fr.Element, count)
	hash := sha3.NewLegacyKeccak256()
	for i := range elements {
		word := words[i*Size : (i+1)*Size]
		elements[i] = element(word)
		hash.Write([]byte{0})
		hash.Write(word)
	}
	hash.Sum(digest[:0])
	h.SetUint64(uint64(count))
	for i := 0; i < count; i += 14 {
		group := append([]fr.Element{h}, elements[i:min(i+14, count)]...)
		h = poseidon.Hash15(poseidon.TagData, group...)
	}
	z = computePoint(&digest, &h)
	y.SetOne()
	for i := range elements {
		y.Mul(&y, &z).Add(&y, &elements[i])
	}
	return digest, h, z, y, nil
}

// computePoint is z = keccak(keccak of the data || h) mod r.
func computePoint(digest *[32]byte, h *fr.Element) (z fr.Element) {
	hash := sha3.NewLegacyKeccak256()
	raw := h.Bytes()
	hash.Write(digest[:])
	hash.Write(raw[:])
	z.SetBytes(hash.Sum(nil))
	return z
}

// AbsorbReceipts takes receipts of 4 integers each into the events accumulator (spec 10-R07).
func AbsorbReceipts(accumulator fr.Element, receipts []int64) (fr.Element, error) {
	if len(receipts)%4 != 0 {
		return accumulator, fmt.Errorf("%d integers are not whole receipts of 4", len(receipts))
	}
	for i := 0; i < len(receipts); i += 4 {
		var e [4]fr.Element
		for j := range e {
			e[j].SetInt64(receipts[i+j])
		}
		accumulator = poseidon.Hash7(poseidon.TagReceipt, accumulator, e[0], e[1], e[2], e[3])
	}
	return accumulator, nil
}

// Keccak is Ethereum's keccak256.
func Keccak(data []byte) (digest [32]byte) {
	hash := sha3.NewLegacyKeccak256()
	hash.Write(data)
	hash.Sum(digest[:0])
	return digest
}
