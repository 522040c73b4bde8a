package soundness_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/internal/harness"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
)

// perturbed is a source that answers one more, once.
type perturbed struct {
	steps.Source
	at, count int // which answer, and how many there were; answers to what is not enabled do not count
}

func (p *perturbed) answer(enabled, honest frontend.Variable) frontend.Variable {
	if !isOn(enabled) {
		return honest
	}
	p.count++
	if p.count-1 != p.at {
		return honest
	}
	value, one := evaluate.Value(honest), fr.One()
	return *value.Add(&value, &one)
}

func (p *perturbed) Open(enabled, address frontend.Variable) (frontend.Variable, []frontend.Variable) {
	last, cells := p.Source.Open(enabled, address)
	for i := range cells {
		cells[i] = p.answer(enabled, cells[i])
	}
	return p.answer(enabled, last), cells
}

func (p *perturbed) Word(enabled, index frontend.Variable) frontend.Variable {
	return p.answer(enabled, p.Source.Word(enabled, index))
}

func (p *perturbed) Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable {
	return p.answer(enabled, p.Source.Hash(enabled, tag, elements))
}

func (p *perturbed) Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable {
	return p.answer(enabled, p.Source.Signature(enabled, row))
}

func (p *perturbed) Neighbour(enabled, instrument, side, price frontend.Variable) frontend.Variable {
	return p.answer(enabled, p.Source.Neighbour(enabled, instrument, side, price))
}

// answersOfTable is how many answers are tried of each table where tests are short.
const answersOfTable = 2

// TestEveryAnswerIsBound takes a step of every table and gives each answer that it asks for as one more: the step
// has no witness then, or the circuit refuses the edge, or the edge says the same to L1.
//
// rule: 11-R02
func TestEveryAnswerIsBound(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range harness.LoadVectors(t) {
		missing := map[string]bool{}
		for name := range tablesOf(t, &v) {
			missing[name] = !seen[name]
		}
		walk(t, &v, func(s *scene, next *steps.Table) (more bool) {
			if missing[next.Name] {
				seen[next.Name], missing[next.Name] = true, false
				t.Run(next.Name, func(t *testing.T) { s.perturb(t) })
			}
			for _, is := range missing {
				more = more || is
			}
			return more
		})
	}
	for _, table := range steps.Tables {
		if !seen[table.Name] {
			t.Errorf("no vector has a step of %s", table.Name)
		}
	}
}

// walk goes through a vector step by step, as long as it is told to.
func walk(t *testing.T, v *harness.Vector, visit func(s *scene, next *steps.Table) (more bool)) {
	var before *edge.Runner
	for i := range v.Segments {
		s := &scene{t, v.Runner(t, walkSize(), i, before)}
		before = s.runner
		for next := s.next(); next != nil; next = s.next() {
			if !visit(s, next) {
				return
			}
			if err := s.runner.Pass(1); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tablesOf lists the tables that a vector has steps of.
func tablesOf(t *testing.T, v *harness.Vector) map[string]bool {
	size := walkSize()
	size.Pages, size.Nodes, size.Hashes, size.Signatures = 100, 600, 200, 60
	for name := range size.Steps {
		size.Steps[name] = 60
	}
	found := map[string]bool{}
	var r *edge.Runner
	for i := range v.Segments {
		r = v.Runner(t, size, i, r)
		for ended := false; !ended; {
			e, err := r.Next(0)
			if err != nil {
				t.Fatal(err)
			}
			for name, count := range e.Used {
				found[name] = found[name] || count > 0
			}
			ended = e.Place.Flags.End
		}
	}
	return found
}

// perturb tries the answers that the next step asks for, one after the other.
func (s *scene) perturb(t *testing.T) {
	honest, count, err := s.follow(-1)
	if err != nil {
		t.Fatal(err)
	}
	system := compileEdge(t, sizeOf(1))
	if err := harness.Solve(system, harness.Flatten(honest.Circuit)); err != nil {
		t.Fatalf("the machine's own step is refused: %v", err)
	}
	stride := 1
	if testing.Short() {
		stride = max(count/answersOfTable, 1)
	}
	for at := stride / 2; at < count; at += stride {
		changed, _, err := s.follow(at)
		if err != nil || reflect.DeepEqual(changed.Circuit.Public, honest.Circuit.Public) {
			continue
		}
		if harness.Solve(system, harness.Flatten(changed.Circuit)) == nil {
			t.Errorf("answer %d of %d is not bound", at, count)
		}
	}
}

// follow takes one step with an answer changed, and tells how many were asked for.
func (s *scene) follow(at int) (e *edge.Edge, count int, err error) {
	source := &perturbed{at: at}
	r := s.fork(sizeOf(1))
	r.Follow(edge.Cheat{Source: func(world steps.Source) steps.Source {
		source.Source = world
		return source
	}})
	defer func() {
		if thrown := recover(); thrown != nil { // the state is none that the machine leaves
			err = fmt.Errorf("%v", thrown)
		}
	}()
	e, err = r.Next(1)
	return e, source.count, err
}
