package prover_test

import (
	"strings"
	"testing"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/prover"
)

// proved puts into a job what is proved already of its first segment.
func proved(j map[string]any, steps int64, root any) map[string]any {
	j["segments"].([]any)[0].(map[string]any)["proved"] = map[string]any{"steps": steps, "root": root}
	return j
}

// What is left of a half-proved segment is the same whoever proved the beginning, and however it was cut.
//
// rule: 08-R26
func TestAPathGoesOnWhereItEnded(t *testing.T) {
	v := harness.LoadVector(t, "ladders")
	short := job(t, v)
	short["steps"] = 3
	whole := all(t, short)
	steps := int64(0)
	for i, e := range whole[:5] {
		steps += e.About["steps"].(int64)
		if i%4 != 0 {
			continue
		}
		rest := job(t, v)
		rest["steps"] = 3
		left := all(t, proved(rest, steps, e.About["root_after"]))
		if len(left) != len(whole)-i-1 {
			t.Fatalf("after %d of %d edges %d are left", i+1, len(whole), len(left))
		}
		for k := range left {
			own, other := left[k].Assignment.(*edge.Circuit).Public, whole[i+1+k].Assignment.(*edge.Circuit).Public
			if own != other {
				t.Fatalf("after %d edges, edge %d: %v, not %v", i+1, k, own, other)
			}
		}
	}
}

func TestWhatIsNotProvedIsNotGoneOnFrom(t *testing.T) {
	v := harness.LoadVector(t, "ladders")
	for says, change := range map[string]func(j map[string]any) map[string]any{
		"must be one at least":  func(j map[string]any) map[string]any { return proved(j, 0, "0x00") },
		"are said to be proved": func(j map[string]any) map[string]any { return proved(j, 1<<40, "0x00") },
		"said to be proved is":  func(j map[string]any) map[string]any { return proved(j, 2, "0x05") },
		"no field element":      func(j map[string]any) map[string]any { return proved(j, 2, "5") },
	} {
		if _, err := open(t, change(job(t, v))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not said: %v", says, err)
		} else if !strings.HasPrefix(err.Error(), prover.ErrJob.Error()) {
			t.Errorf("%v is no refusal of the job", err)
		}
	}
}
