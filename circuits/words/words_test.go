package words_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	"miletus/circuits/words"
	"miletus/native/segments"
	table "miletus/native/words"
)

func randomWords(source *rand.Rand, count int) []byte {
	raw := make([]byte, count*table.WordBytes)
	for i := range raw {
		raw[i] = byte(source.Uint32())
	}
	return raw
}

func element(raw []byte) (e fr.Element) {
	e.SetBytes(raw)
	return e
}

// rule: 10-R08
func TestBindingIsTheNativeOne(t *testing.T) {
	const capacity = 30
	type inputs struct {
		Segment words.Segment
		Binding words.Binding
	}
	define := func(b bus.Bus, in []frontend.Variable) {
		w := &inputs{Segment: words.NewSegment(capacity)}
		harness.Fill(in, w)
		words.Define(b, poseidon.New(b.API()), &w.Segment, &w.Binding)
	}
	system, err := harness.Compile(define, 3*capacity+4, []int{8})
	if err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(5, 6))
	for _, count := range []int{0, 1, 2, 13, 14, 15, 27, 28, 29, 30} {
		raw := randomWords(source, count)
		_, h, z, y, err := segments.BindData(raw)
		if err != nil {
			t.Fatal(err)
		}
		w := &inputs{Segment: words.NewSegment(capacity), Binding: words.Binding{Count: count, Hash: h, Point: z, Value: y}}
		for i := range capacity {
			w.Segment.Words[i], w.Segment.Steps[i], w.Segment.Counts[i] = 0, 0, 0
			if i < count {
				w.Segment.Words[i], w.Segment.Steps[i] = element(raw[i*table.WordBytes:(i+1)*table.WordBytes]), 1
			}
		}
		if err := harness.Solve(system, harness.Flatten(w)); err != nil {
			t.Fatalf("%d words: %v", count, err)
		}
	}
}

// decoded lists what a field of an operation is in the machine's record.
func decoded(field *table.Field, record *table.Record) *big.Int {
	value := new(big.Int)
	for i := max(field.Limbs, 1) - 1; i >= 0; i-- {
		value.Lsh(value, 52).Add(value, big.NewInt(record[field.Place+i]))
	}
	return value
}

// rule: 03-R01
func TestFieldsAreThoseOfTheNativeDecoder(t *testing.T) {
	source := rand.New(rand.NewPCG(7, 8))
	for i := range table.Table {
		operation := &table.Table[i]
		define := func(b bus.Bus, in []frontend.Variable) {
			a := integers.New(b)
			cut := make([]words.Bytes, operation.Words)
			for i := range cut {
				cut[i] = words.Cut(b, in[i])
			}
			in = in[operation.Words:]
			b.API().AssertIsEqual(cut[0].Payload(a).Value, in[0])
			for i := range operation.Fields {
				field := &operation.Fields[i]
				if field.Name == "x" || field.Name == "y" {
					got, canonical := words.DecodeElement(a, field, cut)
					b.API().AssertIsEqual(got, in[1+2*i])
					b.API().AssertIsEqual(canonical.Value, in[2+2*i])
				} else {
					b.API().AssertIsEqual(words.Decode(a, field, cut).Value, in[1+2*i])
				}
			}
		}
		system, err := harness.Compile(define, operation.Words+1+2*len(operation.Fields), []int{8})
		if err != nil {
			t.Fatalf("%s: %v", operation.Name, err)
		}
		for round := range 4 {
			raw := randomWords(source, operation.Words)
			if round > 1 { // the greatest and the smallest values
				for i := range raw {
					raw[i] = byte(255 * (round - 2))
				}
			}
			raw[0] = byte(operation.Kind)
			segment := table.Sequenced
			if operation.Kind < 0x10 {
				segment = table.Inbox
			}
			records, err := table.Decode(segment, raw)
			if err != nil || len(records) != 1 {
				t.Fatalf("%s: %d records: %v", operation.Name, len(records), err)
			}
			var inputs []frontend.Variable
			for i := range operation.Words {
				inputs = append(inputs, element(raw[i*table.WordBytes:(i+1)*table.WordBytes]))
			}
			inputs = append(inputs, element(raw[:29]))
			for i := range operation.Fields {
				value := decoded(&operation.Fields[i], &records[0])
				canonical := 0
				if value.Cmp(fr.Modulus()) < 0 {
					canonical = 1
				}
				inputs = append(inputs, value, canonical)
			}
			if err := harness.Solve(system, inputs); err != nil {
				t.Fatalf("%s, round %d: %v", operation.Name, round, err)
			}
		}
	}
}
