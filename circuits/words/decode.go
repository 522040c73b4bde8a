package words

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	table "miletus/native/words"
)

func init() { solver.RegisterHint(ByteHint) }

// Bytes is a word taken apart, its first byte first.
type Bytes [table.WordBytes]integers.Integer

// wide is what an unsigned value of 8 bytes is limited to, so that the machine can add to it.
var wide = big.NewInt(1<<62 - 1)

// Cut takes a word apart; one of 2^248 or more makes the circuit unsatisfiable.
func Cut(b bus.Bus, word frontend.Variable) (cut Bytes) {
	api, arithmetic := b.API(), integers.New(b)
	outputs, err := api.Compiler().NewHint(ByteHint, len(cut)-1, word)
	if err != nil {
		panic(err) // one input, and outputs
	}
	last := word // what the others leave, so that their sum needs no constraint
	for i, output := range outputs {
		cut[i] = arithmetic.Unsigned(output, 8)
		last = api.Sub(last, api.Mul(output, new(big.Int).Lsh(big.NewInt(1), uint(8*(len(cut)-1-i)))))
	}
	cut[len(cut)-1] = arithmetic.Unsigned(last, 8)
	return cut
}

// ByteHint gives the bytes of a word but for the last, the first one first.
func ByteHint(_ *big.Int, inputs, outputs []*big.Int) error {
	for i := range outputs {
		shifted := new(big.Int).Rsh(inputs[0], uint(8*(len(outputs)-i)))
		outputs[i].And(shifted, big.NewInt(255))
	}
	return nil
}

// Join reads bytes as a number, the first one highest; at most 31 of them.
func Join(a *integers.Arithmetic, bytes ...integers.Integer) integers.Integer {
	value := integers.Constant(0)
	for _, digit := range bytes {
		value = a.Add(a.Mul(value, integers.Constant(256)), digit)
	}
	return value
}

// Payload is what of a signed word is signed: bytes 0..28.
func (b *Bytes) Payload(a *integers.Arithmetic) integers.Integer { return Join(a, b[:29]...) }

// Decode reads a field of an operation from its words, as the machine's records have it: signed fields in two's
// complement, values of 8 bytes limited to 2^62 - 1. A field wider than 31 bytes is one for DecodeElement.
func Decode(a *integers.Arithmetic, field *table.Field, operation []Bytes) integers.Integer {
	bytes := collect(field, operation)
	value := Join(a, bytes...)
	switch {
	case field.Signed:
		half := new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes)-1))
		sign := a.IsAtMost(integers.ConstantBig(half), value)
		span := integers.ConstantBig(new(big.Int).Lsh(half, 1))
		value = a.Sub(value, a.Mul(sign, span))
		value.Low, value.High = new(big.Int).Neg(half), new(big.Int).Sub(half, big.NewInt(1))
	case field.Limbs == 0 && len(bytes) == 8:
		value = a.Min(value, integers.ConstantBig(wide))
	}
	return value
}

// DecodeElement reads a field of 32 bytes as an element, and a bit that is 1 if the bytes are below r.
func DecodeElement(a *integers.Arithmetic, field *table.Field, operation []Bytes) (element frontend.Variable, canonical integers.Integer) {
	bytes := collect(field, operation)
	if len(bytes) != 32 {
		panic(fmt.Sprintf("words: field %s has %d bytes, not 32", field.Name, len(bytes)))
	}
	high, low := Join(a, bytes[0]), Join(a, bytes[1:]...)
	return a.Element(high, low, 248), a.IsBelowModulus(high, low, 248)
}

// collect gives the bytes of a field, the highest one first.
func collect(field *table.Field, operation []Bytes) []integers.Integer {
	var bytes []integers.Integer
	for _, part := range field.Parts {
		bytes = append(bytes, operation[part.Word][part.Offset:part.Offset+part.Width]...)
	}
	return bytes
}
