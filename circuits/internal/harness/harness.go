// Package harness compiles and solves circuits in tests, and switches off what a named function or sum asserts, so
// that a tampered witness can show which constraint refuses it. Nothing of it is part of a circuit that is proved.
package harness

import (
	"crypto/rand"
	"math/big"
	"runtime"
	"slices"
	"strings"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"miletus/circuits/bus"
)

// Define makes the constraints of a circuit on a bus, over its inputs.
type Define func(b bus.Bus, inputs []frontend.Variable)

// circuit is any list of inputs and what is made of it. The public input is there because a Groth16 key needs one.
type circuit struct {
	Public frontend.Variable `gnark:",public"`
	Inputs []frontend.Variable

	define Define
	ranges []int
	off    []string
}

// Define is what gnark calls.
func (c *circuit) Define(api frontend.API) error {
	api.AssertIsEqual(c.Public, 0)
	filtered := &filteredAPI{api, c.off}
	c.define(&filteredBus{bus.New(filtered, c.ranges...), filtered, c.off}, c.Inputs)
	return nil
}

// Compile compiles a circuit of `count` inputs with range tables of the given bits. What the functions and sums in
// `off` assert is left out: "package.(*Type).Method" or "package.function" for all that it and what it calls
// asserts, "assert:" and such a name for its assertions without its pushes, "sum:name" for a sum.
func Compile(define Define, count int, ranges []int, off ...string) (constraint.ConstraintSystem, error) {
	c := &circuit{Inputs: make([]frontend.Variable, count), define: define, ranges: ranges, off: off}
	return frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, c, frontend.IgnoreUnconstrainedInputs())
}

// Solve tells if the inputs satisfy a system; hints in `overrides` replace those of the circuit.
func Solve(system constraint.ConstraintSystem, inputs []frontend.Variable, overrides ...Override) error {
	witness, err := frontend.NewWitness(&circuit{Public: 0, Inputs: inputs}, ecc.BN254.ScalarField())
	if err != nil {
		return err
	}
	_, err = system.Solve(witness, Options(overrides...)...)
	return err
}

// Override puts another answer in the place of a hint's.
type Override struct{ Hint, With solver.Hint }

// Options are those of a solver without a prover: the commitment is a random number, as it is to a prover who has
// to commit before he knows it.
func Options(overrides ...Override) []solver.Option {
	commitment := func(field *big.Int, _, outputs []*big.Int) error {
		v, err := rand.Int(rand.Reader, field)
		outputs[0].Set(v)
		return err
	}
	options := []solver.Option{solver.OverrideHint(solver.GetHintID(cs.Bsb22CommitmentComputePlaceholder), commitment)}
	for _, o := range overrides {
		options = append(options, solver.OverrideHint(solver.GetHintID(o.Hint), o.With))
	}
	return options
}

// isOff tells if one of the functions is on the stack.
func isOff(off []string, prefixes ...string) bool {
	if len(off) == 0 {
		return false
	}
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if name, ours := strings.CutPrefix(frame.Function, "miletus/circuits/"); ours {
			for _, f := range off {
				for _, prefix := range append(prefixes, "") {
					if f == prefix+name {
						return true
					}
				}
			}
		}
		if !more {
			return false
		}
	}
}

// filteredAPI leaves out what is off.
type filteredAPI struct {
	frontend.API
	off []string
}

func (f *filteredAPI) AssertIsEqual(x, y frontend.Variable) {
	if !isOff(f.off, "assert:") {
		f.API.AssertIsEqual(x, y)
	}
}

func (f *filteredAPI) AssertIsBoolean(x frontend.Variable) {
	if !isOff(f.off, "assert:") {
		f.API.AssertIsBoolean(x)
	}
}

func (f *filteredAPI) AssertIsDifferent(x, y frontend.Variable) {
	if !isOff(f.off, "assert:") {
		f.API.AssertIsDifferent(x, y)
	}
}

// filteredBus leaves out what is off.
type filteredBus struct {
	bus.Bus
	api frontend.API
	off []string
}

func (f *filteredBus) API() frontend.API { return f.api }

func (f *filteredBus) skips(sum string) bool {
	return isOff(f.off) || slices.Contains(f.off, "sum:"+sum)
}

func (f *filteredBus) Push(sum bus.Sum, count frontend.Variable, tuple ...frontend.Variable) {
	if !f.skips(sum.Name) {
		f.Bus.Push(sum, count, tuple...)
	}
}

func (f *filteredBus) PushChange(sum bus.Sum, count, change frontend.Variable, tuple ...frontend.Variable) {
	if !f.skips(sum.Name) {
		f.Bus.PushChange(sum, count, change, tuple...)
	}
}

func (f *filteredBus) Exchange(sum bus.Sum, enabled frontend.Variable, taken, given []frontend.Variable) {
	if !f.skips(sum.Name) {
		f.Bus.Exchange(sum, enabled, taken, given)
	}
}

func (f *filteredBus) Small(v frontend.Variable, bits int) {
	if !isOff(f.off) {
		f.Bus.Small(v, bits)
	}
}
