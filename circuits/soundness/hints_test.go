package soundness_test

import (
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
)

// hintCheat is a prover who gives a hint another answer where a function asks, at the first step of a table where
// that changes what the step does. The rest of his witness follows from it: it has to be refused, and be accepted
// without what is in off.
type hintCheat struct {
	name, vector, table string
	hint                solver.Hint
	in                  string // the function that asks
	lie                 func(inputs, outputs []*big.Int)
	off                 []string
}

// otherSide says that a number is negative where it is not.
func otherSide(_, out []*big.Int) { out[0].Sub(big.NewInt(1), out[0]) }

// roundDown and roundUp say a quotient one less or more, with the rest that goes with it.
func roundDown(in, out []*big.Int) {
	out[0].Sub(out[0], big.NewInt(1))
	out[1].Add(out[1], in[1])
}

func roundUp(in, out []*big.Int) {
	out[0].Add(out[0], big.NewInt(1))
	out[1].Sub(out[1], in[1])
}

// answers is how a hint is answered: with a lie where it is asked about these inputs.
type answers struct {
	hint   solver.HintID
	about  []*big.Int
	lie    func(inputs, outputs []*big.Int)
	in     string       // whose questions are noted
	asked  [][]*big.Int // what it asked about
	honest solver.Hint
}

func (a *answers) isAbout(inputs []*big.Int) bool {
	return a.about != nil && slices.EqualFunc(a.about, inputs, func(x, y *big.Int) bool { return x.Cmp(y) == 0 })
}

// answer is the hint's answer to the solver.
func (a *answers) answer(field *big.Int, inputs, outputs []*big.Int) error {
	if err := a.honest(field, inputs, outputs); err != nil {
		return err
	}
	if a.isAbout(inputs) {
		a.lie(inputs, outputs)
		for _, v := range outputs {
			v.Mod(v, field)
		}
	}
	return nil
}

// lyingBus, lyingAPI and lyingCompiler answer hints while a step is evaluated.
type lyingBus struct {
	bus.Bus
	answers *answers
}

type lyingAPI struct {
	frontend.API
	answers *answers
}

type lyingCompiler struct {
	frontend.Compiler
	answers *answers
}

func (b *lyingBus) API() frontend.API { return &lyingAPI{b.Bus.API(), b.answers} }

func (a *lyingAPI) Compiler() frontend.Compiler { return &lyingCompiler{a.API.Compiler(), a.answers} }

func (c *lyingCompiler) NewHint(f solver.Hint, count int, inputs ...frontend.Variable) ([]frontend.Variable, error) {
	a := c.answers
	if solver.GetHintID(f) != a.hint {
		return c.Compiler.NewHint(f, count, inputs...)
	}
	in := make([]*big.Int, len(inputs))
	for i := range in {
		in[i] = evaluate.Big(inputs[i])
	}
	if isOnStack(a.in) {
		a.asked = append(a.asked, in)
	}
	return c.Compiler.NewHint(a.answer, count, inputs...)
}

// isOnStack tells if a function of the circuits is being called.
func isOnStack(function string) bool {
	var callers [96]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.TrimPrefix(frame.Function, "miletus/circuits/") == function {
			return true
		}
		if !more {
			return false
		}
	}
}

// playHints walks through a vector and tries the cheats on it, each at its first occasion.
func playHints(t *testing.T, vector string, cheats []hintCheat) {
	v := harness.LoadVector(t, vector)
	done := make([]bool, len(cheats))
	var before *edge.Runner
	for i := range v.Segments {
		s := &scene{t, v.Runner(t, walkSize(), i, before)}
		before = s.runner
		for next := s.next(); next != nil; next = s.next() {
			for j := range cheats {
				if c := &cheats[j]; !done[j] && c.table == next.Name {
					done[j] = c.try(t, s)
				}
			}
			if err := s.runner.Pass(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for j := range cheats {
		if !done[j] {
			t.Errorf("%s: %s gives no occasion", cheats[j].name, vector)
		}
	}
}

// try looks for a question whose answer changes the step, and tells if there is one.
func (c *hintCheat) try(t *testing.T, s *scene) bool {
	size := cheatSize(s.next())
	run := func(a *answers, off ...string) (*edge.Edge, error) {
		r := s.fork(size)
		r.Follow(edge.Cheat{Bus: func(b bus.Bus) bus.Bus { return harness.Without(&lyingBus{b, a}, off...) }})
		return r.Next(1)
	}
	answer := func(about []*big.Int) *answers {
		return &answers{hint: solver.GetHintID(c.hint), honest: c.hint, in: c.in, lie: c.lie, about: about}
	}
	asks := answer(nil)
	honest, err := run(asks)
	if err != nil {
		t.Fatal(err)
	}
	for _, about := range asks.asked {
		a := answer(about)
		lied, err := run(a, c.off...)
		if err != nil || sameEnd(lied, honest) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			override := harness.Override{Hint: c.hint, With: a.answer}
			inputs := harness.Flatten(lied.Circuit)
			if harness.Solve(compileEdge(t, size), inputs, override) == nil {
				t.Error("accepted")
			}
			if err := harness.Solve(compileEdge(t, size, c.off...), inputs, override); err != nil {
				t.Errorf("refused without %v too: %v", c.off, err)
			}
		})
		return true
	}
	return false
}

// sameEnd tells if two edges leave the same behind.
func sameEnd(x, y *edge.Edge) bool {
	return x.After == y.After && slices.EqualFunc(x.Circuit.Final, y.Circuit.Final, func(a, b frontend.Variable) bool {
		return evaluate.Value(a) == evaluate.Value(b)
	})
}

// the gadgets that hold a comparison and a division
var (
	offNegative = []string{"integers.(*Arithmetic).IsNegative"}
	offDivide   = []string{"integers.(*Arithmetic).Divide"}
)

func matchingHints() []hintCheat {
	negative := integers.NegativeHint
	return []hintCheat{
		{"fill beyond the limit", "priority", "match", negative, "steps.(*Step).Crosses", otherSide, offNegative},
		{"rest although a head crosses", "times_in_force", "match", negative, "steps.(*Step).Crosses", otherSide, offNegative},
		{"fill outside the band", "restricted", "fill", negative, "steps.(*Step).leaveBand", otherSide, offNegative},
		{"fill more than both orders have", "priority", "fill", negative, "steps.(*Step).sizeFill", otherSide,
			append([]string{"steps.(*Record).SetNarrow", "steps.(*Step).narrow"}, offNegative...)},
		{"skip the margin check of a fill", "margin", "fill", negative, "steps.(*Holder).Judge", otherSide, offNegative},
		{"skip the margin check of an order that rests", "margin", "rest", negative, "steps.(*Holder).Judge", otherSide, offNegative},
		{"a lower requirement", "priority", "fill", negative, "steps.(*Step).worst", otherSide, offNegative},
		{"a fee rounded down", "priority", "fill", integers.DivideHint, "steps.(*Step).fee", roundDown, offDivide},
		{"a floor rounded down", "expiry", "fill", integers.DivideHint, "steps.(*Step).floorOf", roundDown, offDivide},
		{"restricted and yet traded", "restricted", "rest", negative, "steps.(*Step).IsRestricted", otherSide, offNegative},
	}
}

func moneyHints() []hintCheat {
	return []hintCheat{
		{"withdraw more than equity allows", "cash", "pay", integers.NegativeHint, "steps.(*Step).judgeLeave", otherSide, offNegative},
		{"settle before the expiry", "expiry", "settle", integers.NegativeHint, "steps.defineSettle", otherSide, offNegative},
		{"a settlement price rounded up", "expiry", "settle", integers.DivideHint, "steps.defineSettle", roundUp, offDivide},
		{"a payoff that is none", "expiry", "settle", integers.NegativeHint, "steps.(*Step).fixPayoff", otherSide, offNegative},
		{"a requirement from a better scenario", "cash", "finish", integers.NegativeHint, "steps.(*Step).worst", otherSide, offNegative},
	}
}

// rule: 04-R05
// rule: 05-R05
// rule: 05-R07
// rule: 11-R02
func TestNoComparisonOrRoundingCanBeCheated(t *testing.T) {
	byVector := map[string][]hintCheat{}
	for _, c := range append(matchingHints(), moneyHints()...) {
		byVector[c.vector] = append(byVector[c.vector], c)
	}
	for vector, cheats := range byVector {
		playHints(t, vector, cheats)
	}
}
