package edge_test

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
	"miletus/circuits/memory"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
)

// liar computes, and gives a false answer to one call of a hint.
type liar struct {
	frontend.API
	calls, at int                              // calls so far, and the one that is lied to
	lie       func(inputs, outputs []*big.Int) // changes the answer, if it is one for such an answer
}

// noLie is thrown where a lie leaves the answer as it is.
type noLie struct{}

// liarsCompiler answers hints for a liar.
type liarsCompiler struct {
	frontend.Compiler
	liar *liar
}

func (l *liar) Compiler() frontend.Compiler { return &liarsCompiler{l.API.Compiler(), l} }

func (c *liarsCompiler) NewHint(f solver.Hint, count int, inputs ...frontend.Variable) ([]frontend.Variable, error) {
	c.liar.calls++
	if c.liar.calls-1 != c.liar.at {
		return c.Compiler.NewHint(f, count, inputs...)
	}
	in := make([]*big.Int, len(inputs))
	for i := range in {
		in[i] = evaluate.Big(inputs[i])
	}
	answers, err := c.Compiler.NewHint(f, count, inputs...)
	out := make([]*big.Int, len(answers))
	for i := range out {
		out[i] = evaluate.Big(answers[i])
	}
	c.liar.lie(in, out)
	changed := false
	for i := range out {
		lie := *new(fr.Element).SetBigInt(out[i])
		changed = changed || lie != evaluate.Value(answers[i])
		answers[i] = lie
	}
	if !changed {
		panic(noLie{})
	}
	return answers, err
}

// liarsBus holds what a liar computes.
type liarsBus struct {
	bus.Bus
	liar *liar
}

func (b *liarsBus) API() frontend.API { return b.liar }

// script is a row's inputs, and notes what the row did with them: what it asked for and what it wrote.
type script struct {
	steps.Inputs
	did []any
}

func (s *script) note(values ...frontend.Variable) {
	for _, v := range values {
		s.did = append(s.did, evaluate.Value(v))
	}
}

func (s *script) Open(enabled, address frontend.Variable) (frontend.Variable, []frontend.Variable) {
	s.note(enabled)
	if evaluate.Int(enabled) == 1 {
		s.note(address)
	}
	return s.Inputs.Open(enabled, address)
}

func (s *script) Close(enabled, _, now frontend.Variable, cells []frontend.Variable) {
	if evaluate.Int(enabled) == 1 {
		s.note(append([]frontend.Variable{now}, cells...)...)
	}
}

func (s *script) Word(enabled, index frontend.Variable) frontend.Variable {
	s.note(enabled, index)
	return s.Inputs.Word(enabled, index)
}

func (s *script) Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable {
	s.note(enabled, tag)
	if evaluate.Int(enabled) == 1 {
		s.note(elements...)
	}
	return s.Inputs.Hash(enabled, tag, elements)
}

func (s *script) Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable {
	s.note(enabled)
	if evaluate.Int(enabled) == 1 {
		s.note(row.Message, row.KeyX, row.KeyY, row.RWord, row.SWord, row.RByte, row.SByte)
	}
	return s.Inputs.Signature(enabled, row)
}

// lies are answers that a prover may try: next to the right one, and such that sums still hold.
var lies = []func(inputs, outputs []*big.Int){
	func(_, out []*big.Int) { out[0].Add(out[0], big.NewInt(1)) },
	func(_, out []*big.Int) { out[0].Sub(out[0], big.NewInt(1)) },
	func(_, out []*big.Int) { out[0].Sub(big.NewInt(1), out[0]) }, // the other bit
	func(_, out []*big.Int) { out[len(out)-1].Add(out[len(out)-1], big.NewInt(1)) },
	func(_, out []*big.Int) { out[len(out)-1].Sub(out[len(out)-1], big.NewInt(1)) },
	func(in, out []*big.Int) { // a quotient one less, and the rest that goes with it
		if len(in) == 2 && len(out) == 2 {
			out[0].Sub(out[0], big.NewInt(1))
			out[1].Add(out[1], in[1])
		}
	},
	func(in, out []*big.Int) { // one more
		if len(in) == 2 && len(out) == 2 {
			out[0].Add(out[0], big.NewInt(1))
			out[1].Sub(out[1], in[1])
		}
	},
	func(in, out []*big.Int) { // fields of a cell that carry into each other
		if len(in) == 2*len(out)+1 && len(out) > 1 {
			out[0].Add(out[0], new(big.Int).Lsh(big.NewInt(1), uint(in[0].Uint64())))
			out[1].Sub(out[1], big.NewInt(1))
		}
	},
	func(in, out []*big.Int) { // the last two
		if last := len(out) - 1; len(in) == 2*len(out)+1 && last > 0 {
			out[last-1].Sub(out[last-1], new(big.Int).Lsh(big.NewInt(1), uint(in[2*last-2].Uint64())))
			out[last].Add(out[last], big.NewInt(1))
		}
	},
}

// rowsOfTable is how many rows of a table are lied in, each of another vector.
func rowsOfTable() int {
	if testing.Short() {
		return 1
	}
	return 2
}

// TestNoAnswerOfAHintChangesAStep lies in rows of every table, to every hint that they ask, in every way of `lies`:
// a constraint does not hold, or the step does the same. What a hint answers is thus no choice of the prover's.
//
// rule: 11-R02
func TestNoAnswerOfAHintChangesAStep(t *testing.T) {
	rows, total := map[string]int{}, outcome{}
	only := os.Getenv("MILETUS_TABLE")
	for _, v := range harness.LoadVectors(t) {
		more := map[string]int{} // at most one row of a table in each vector
		run(t, testSize("test", 40), &v, func(e *edge.Edge) {
			for i, table := range steps.Tables {
				if e.Used[table.Name] == 0 || more[table.Name] > 0 || rows[table.Name] == rowsOfTable() ||
					(only != "" && only != table.Name) {
					continue
				}
				more[table.Name]++
				rows[table.Name]++
				o := lieInRow(t, &v, e, table, &e.Circuit.Rows[i][0])
				for _, what := range o.accepted {
					t.Errorf("%s of %s: %s is not refused and changes the step", table.Name, v.Name, what)
				}
				total.tried, total.refused = total.tried+o.tried, total.refused+o.refused
			}
		})
	}
	t.Log("lies", total.tried, "refused", total.refused, "rows", rows)
}

// rule: 11-R02
func TestALieThatNothingHoldsIsSeen(t *testing.T) {
	v := harness.LoadVector(t, "cash")
	off := []string{"integers.(*Arithmetic).IsNegative"}
	seen := false
	run(t, testSize("test", 40), v, func(e *edge.Edge) {
		for i, table := range steps.Tables {
			if table.Name == "pay" && e.Used[table.Name] > 0 && !seen {
				seen = true
				if o := lieInRow(t, v, e, table, &e.Circuit.Rows[i][0], off...); len(o.accepted) == 0 {
					t.Errorf("%d lies, and none changes the step without %v", o.tried, off)
				}
			}
		}
	})
	if !seen {
		t.Error("the vector has no such step")
	}
}

// outcome is what became of lies: those that are neither refused nor accepted change nothing.
type outcome struct {
	tried, refused int
	accepted       []string
}

func lieInRow(t *testing.T, v *harness.Vector, e *edge.Edge, table *steps.Table, row *edge.Row, off ...string) (o outcome) {
	t.Helper()
	honest, calls, err := follow(v, e, table, row, -1, nil, off)
	if err != nil {
		t.Fatalf("%s: %v", table.Name, err)
	}
	for at := range calls {
		for kind, lie := range lies {
			did, _, err := follow(v, e, table, row, at, lie, off)
			if err == errNoLie {
				continue
			}
			o.tried++
			if err != nil {
				o.refused++
			} else if !reflect.DeepEqual(did, honest) {
				o.accepted = append(o.accepted, fmt.Sprintf("lie %d to hint %d of %d", kind, at, calls))
			}
		}
	}
	return o
}

// follow evaluates a row with its inputs, with one lie, and gives what it did and how many hints it asked.
func follow(
	v *harness.Vector, e *edge.Edge, table *steps.Table, row *edge.Row, at int, lie func(inputs, outputs []*big.Int), off []string,
) (did []any, calls int, err error) {
	l := &liar{API: evaluate.NewAPI(), at: at, lie: lie}
	b := harness.Without(&liarsBus{evaluate.NewBus([]int{8, 13}), l}, off...)
	known := func(value int64, bits int) integers.Integer {
		return integers.Known(*new(fr.Element).SetInt64(value), bits)
	}
	inbox := int64(0)
	if e.Place.Flags.Inbox {
		inbox = 1
	}
	shared := &steps.Shared{Bus: b, Memory: memory.New(b, steps.TupleCells, 20), Batch: steps.Batch{
		Words: known(e.Place.Words, 16), Inbox: known(inbox, 1), OffChain: known(0, 1),
		TimeBoundMS: known(v.TimeBoundMS, 48), Domain: e.Circuit.Public.Domain,
	}}
	source := &script{Inputs: steps.Inputs{Wires: row.Inputs}}
	head := row.Head
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case noLie:
			err = errNoLie
		default: // a number that no step can go on with
			err = fmt.Errorf("%v", thrown)
		}
	}()
	err = evaluate.Catch(func() {
		after := steps.Define(shared, table, &head, source)
		source.note(after.Values()...)
	})
	return source.did, l.calls, err
}

var errNoLie = errors.New("the lie is none")
