package chunk_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/chunk"
	"miletus/circuits/internal/harness"
)

var small = chunk.Size{
	Pages: 24, ReadPages: 16, Nodes: 130, Signatures: 2, Words: 42, Hashes: 14,
	TupleCells: 4, TimeBits: 8, RangeBits: []int{8},
}

var smallUses = harness.Uses{Accesses: 100, Signatures: 2, Hashes: 14, Words: 42}

// rule: 02-R01
// rule: 10-R01
// rule: 10-R03
// rule: 10-R05
// rule: 10-R07
// rule: 10-R08
func TestVectorsFromRootToRoot(t *testing.T) {
	count := len(harness.Flatten(harness.NewProgram(&small, smallUses)))
	system, err := harness.Compile(harness.DefineProgram(&small, smallUses), count, small.RangeBits)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("constraints", system.GetNbConstraints())
	proved, valid := 0, 0
	for _, v := range harness.LoadVectors(t) {
		if !v.Fits(&small) {
			continue
		}
		program := v.Program(t, &small, smallUses)
		if err := harness.Solve(system, harness.Flatten(program)); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		proved++
		for i := range program.Signatures {
			if program.Signatures[i].Valid == frontend.Variable(1) {
				valid++
			}
		}
	}
	if proved < 8 || valid < 8 {
		t.Fatalf("only %d vectors with %d valid signatures fit this size", proved, valid)
	}
}

// Public inputs come first among a program's inputs.
func TestEveryPublicInputIsTied(t *testing.T) {
	v := harness.LoadVector(t, "garbage")
	program := v.Program(t, &tiny, tinyUses)
	inputs := harness.Flatten(program)
	system, err := harness.Compile(harness.DefineProgram(&tiny, tinyUses), len(inputs), tiny.RangeBits)
	if err != nil {
		t.Fatal(err)
	}
	if err := harness.Solve(system, inputs); err != nil {
		t.Fatal(err)
	}
	for i := range harness.Flatten(&program.Public) {
		var other fr.Element
		other.SetInterface(inputs[i])
		one := fr.One()
		changed := append([]frontend.Variable(nil), inputs...)
		changed[i] = other.Add(&other, &one)
		if harness.Solve(system, changed) == nil {
			t.Errorf("public input %d may be another", i)
		}
	}
}

func TestBadSizesAreRefused(t *testing.T) {
	for name, change := range map[string]func(s *chunk.Size){
		"tuples":   func(s *chunk.Size) { s.TupleCells = 3 },
		"nodes":    func(s *chunk.Size) { s.Nodes = 9 },
		"no pages": func(s *chunk.Size) { s.Pages, s.ReadPages = 0, 0 },
		"times":    func(s *chunk.Size) { s.TimeBits = 0 },
		"tables":   func(s *chunk.Size) { s.RangeBits = nil },
	} {
		size := small
		change(&size)
		if size.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := small.Check(); err != nil {
		t.Error(err)
	}
}
