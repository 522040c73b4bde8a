package soundness_test

import (
	"strings"
	"testing"

	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/internal/harness"
)

// attack is a witness, with other answers of hints, that must be refused, and be accepted without what is in off.
type attack struct {
	name   string
	inputs []frontend.Variable // nil: the honest ones
	hints  []harness.Override
	off    []string
}

// subject is a circuit, what it tests and how it is attacked.
type subject struct {
	name    string
	gadgets []string // functions that the attacks are about
	ranges  []int
	define  harness.Define
	honest  []frontend.Variable
	attacks []attack
}

func list(values ...frontend.Variable) []frontend.Variable { return values }

// replace gives a copy of the inputs with one value exchanged.
func replace(inputs []frontend.Variable, at int, v frontend.Variable) []frontend.Variable {
	changed := append([]frontend.Variable(nil), inputs...)
	changed[at] = v
	return changed
}

func allSubjects(t testing.TB) []subject {
	subjects := append(busSubjects(), integerSubjects()...)
	subjects = append(subjects, layoutSubjects()...)
	subjects = append(subjects, memorySubjects()...)
	subjects = append(subjects, hashSubjects()...)
	subjects = append(subjects, outboxSubjects()...)
	subjects = append(subjects, exitSubjects(t)...)
	subjects = append(subjects, wordSubjects(t)...)
	subjects = append(subjects, treeSubjects(t)...)
	return append(subjects, signatureSubjects(t)...)
}

func TestEveryAttackIsRefusedByWhatItAttacks(t *testing.T) {
	for _, s := range allSubjects(t) {
		t.Run(s.name, func(t *testing.T) {
			systems := map[string]constraint.ConstraintSystem{}
			compile := func(off ...string) constraint.ConstraintSystem {
				key := strings.Join(off, "|")
				if systems[key] == nil {
					system, err := harness.Compile(s.define, len(s.honest), s.ranges, off...)
					if err != nil {
						t.Fatal(err)
					}
					systems[key] = system
				}
				return systems[key]
			}
			if err := harness.Solve(compile(), s.honest); err != nil {
				t.Fatalf("the honest witness is refused: %v", err)
			}
			for _, a := range s.attacks {
				inputs := a.inputs
				if inputs == nil {
					inputs = s.honest
				}
				if harness.Solve(compile(), inputs, a.hints...) == nil {
					t.Errorf("%s: accepted", a.name)
				}
				if len(a.off) == 0 {
					t.Errorf("%s: does not say what it attacks", a.name)
				}
				if err := harness.Solve(compile(a.off...), inputs, a.hints...); err != nil {
					t.Errorf("%s: refused without %v too: %v", a.name, a.off, err)
				}
			}
		})
	}
}
