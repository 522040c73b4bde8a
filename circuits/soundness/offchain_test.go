package soundness_test

import (
	"testing"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Where the words of signatures are not on L1, an operation that nobody signed can't be proved at all: neither as
// refused nor as if it were signed. The third operation of the vector has another's signature.
//
// rule: 11-R08
func TestNothingUnsignedIsProvedWithoutSignaturesOnL1(t *testing.T) {
	v := harness.LoadVector(t, "authorisation")
	stand := func() *edge.Runner {
		r := v.OffChain(t, walkSize())
		for r.Cursor < 2 || !isIdle(r) {
			if err := r.Pass(1); err != nil {
				t.Fatal(err)
			}
		}
		r.Size = sizeOf(1)
		return r
	}
	honest := stand()
	honest.Follow(edge.Cheat{})
	if _, err := honest.Next(1); err == nil {
		t.Fatal("the machine proves an operation that is not signed")
	}
	for _, c := range []cheat{
		{name: "refused", off: []string{"assert:steps.(*Operation).Verify"}, lie: func(*scene) *edge.Cheat { return &edge.Cheat{} }},
		{name: "as if it were signed", off: []string{"sum:signatures"}, lie: func(*scene) *edge.Cheat {
			return lying(liar{signature: func(int64) int64 { return 1 }})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, lie := stand(), c.lie(nil)
			lie.Bus = func(b bus.Bus) bus.Bus { return harness.Without(b, c.off...) }
			r.Follow(*lie)
			e, err := r.Next(1)
			if err != nil {
				t.Fatal(err)
			}
			inputs := harness.Flatten(e.Circuit)
			if harness.Solve(compileEdge(t, sizeOf(1)), inputs) == nil {
				t.Error("accepted")
			}
			if err := harness.Solve(compileEdge(t, sizeOf(1), c.off...), inputs); err != nil {
				t.Errorf("refused without %v too: %v", c.off, err)
			}
		})
	}
}

// isIdle tells if no operation is in progress.
func isIdle(r *edge.Runner) bool {
	return (&scene{runner: r}).register(layout.RegisterPhase) == machine.PhaseFetch
}
