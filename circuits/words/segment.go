// Package words is the data of a segment: its words, bound to what L1 has of them (spec 10-R08), a table in which
// steps look words up, and the fields that a word decodes to (spec 03). What an operation does is not decided here.
package words

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
)

// group is how many words one hash takes.
const group = 14

var sum = bus.Sum{Name: "words", Width: 2}

// Segment is the words of a segment and room for more. Steps[i] is 1 where word i is there if word i - 1 is;
// Counts[i] is how often word i is looked up.
type Segment struct {
	Words, Steps, Counts []frontend.Variable
}

// NewSegment makes room for a number of words.
func NewSegment(capacity int) Segment {
	return Segment{
		Words:  make([]frontend.Variable, capacity),
		Steps:  make([]frontend.Variable, capacity),
		Counts: make([]frontend.Variable, capacity),
	}
}

// Binding is what L1 has of a segment: the number of words, their hash h, the point z and the value y there.
type Binding struct {
	Count frontend.Variable `gnark:",public"`
	Hash  frontend.Variable `gnark:",public"`
	Point frontend.Variable `gnark:",public"`
	Value frontend.Variable `gnark:",public"`
}

// Define adds the segment's words to the table and asserts that they are those of the binding. Words past the
// last are zero.
//
// That words are below 2^248 is not asserted: L1 computes the value from words that are, and two polynomials that
// differ agree at a point fixed after both with a chance of 2^-240.
func Define(b bus.Bus, hasher *poseidon.Hasher, segment *Segment, binding *Binding) {
	api := b.API()
	words, present := segment.mask(b)
	hash, value := fold(api, hasher, words, present), evaluate(api, words, present, binding.Point)
	api.AssertIsEqual(hash, binding.Hash)
	api.AssertIsEqual(value, binding.Value)
	api.AssertIsEqual(sumAll(api, present), binding.Count)
	for i := range words {
		b.Push(sum, api.Neg(segment.Counts[i]), i, words[i])
	}
}

// mask holds that the words that are there come first, and sets the others to zero.
func (s *Segment) mask(b bus.Bus) (words, present []frontend.Variable) {
	if len(s.Words) != len(s.Steps) || len(s.Words) != len(s.Counts) {
		panic(fmt.Sprintf("words: %d words, %d steps, %d counts", len(s.Words), len(s.Steps), len(s.Counts)))
	}
	api, arithmetic := b.API(), integers.New(b)
	words, present = make([]frontend.Variable, len(s.Words)), make([]frontend.Variable, len(s.Words))
	var previous frontend.Variable = 1
	for i := range words {
		present[i] = api.Mul(previous, arithmetic.Bit(s.Steps[i]).Value)
		words[i] = api.Mul(present[i], s.Words[i])
		previous = present[i]
	}
	return words, present
}

// fold is h: from the number of words, 14 words a hash, as many hashes as there are groups with a word.
func fold(api frontend.API, hasher *poseidon.Hasher, words, present []frontend.Variable) frontend.Variable {
	hash := bus.Settle(api, sumAll(api, present))
	for i := 0; i < len(words); i += group {
		elements := append([]frontend.Variable{hash}, words[i:min(i+group, len(words))]...)
		next := hasher.Hash15(native.TagData, elements...)
		hash = api.Add(hash, api.Mul(present[i], api.Sub(next, hash)))
		hash = bus.Settle(api, hash)
	}
	return hash
}

// evaluate is y: Horner's rule from 1, by a factor of 1 past the last word.
func evaluate(api frontend.API, words, present []frontend.Variable, point frontend.Variable) frontend.Variable {
	var value frontend.Variable = 1
	for i := range words {
		factor := api.Add(1, api.Mul(present[i], api.Sub(point, 1)))
		value = api.Add(api.Mul(value, factor), words[i])
	}
	return value
}

// Lookup holds that word `index` of the segment is `word`, zero past the last. Nothing is held where enabled,
// which is asserted to be a bit, is 0.
func Lookup(b bus.Bus, enabled, index, word frontend.Variable) {
	integers.New(b).Bit(enabled)
	b.Push(sum, enabled, index, word)
}

func sumAll(api frontend.API, values []frontend.Variable) frontend.Variable {
	var total frontend.Variable = 0
	for _, v := range values {
		total = api.Add(total, v)
	}
	return total
}
