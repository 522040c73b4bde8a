package soundness_test

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/memory"
)

// memorySubjects has one tuple of two cells, opened with (10, 20): a read at time 1, then a write of its first cell
// to 11 at time 2. Inputs: address; closing values and time; the read's enabled, address, last, values; the write's
// last, before, after.
func memorySubjects() []subject {
	honest := list(7, 11, 20, 2, 1, 7, 0, 10, 20, 1, 10, 20, 11)
	sum := []string{"sum:memory of 2"}
	with := func(changes ...int) []frontend.Variable {
		inputs := append([]frontend.Variable(nil), honest...)
		for i := 0; i < len(changes); i += 2 {
			inputs[changes[i]] = changes[i+1]
		}
		return inputs
	}
	return []subject{{
		name:    "memory",
		gadgets: []string{"memory.(*Memory).Write", "memory.(*Memory).Hold"}, ranges: []int{4}, honest: honest,
		define: func(b bus.Bus, in []frontend.Variable) {
			m := memory.New(b, 2, 4)
			m.Hold(in[0], list(10, 20), in[1:3], in[3])
			m.Read(in[4], in[5], in[6], 1, in[7:9])
			m.Write(1, in[0], in[9], 2, in[10:12], list(in[12], nil))
		},
		attacks: []attack{
			{name: "forged read", inputs: with(7, 12), off: sum},
			{name: "read of another address", inputs: with(5, 8), off: sum},
			{name: "stale read", inputs: with(9, 0), off: sum},
			{name: "closed with what nobody wrote", inputs: with(1, 12), off: sum},
			{name: "closed at another time", inputs: with(3, 1), off: sum},
			{name: "enabled twice", inputs: with(4, 2), off: []string{"memory.(*Memory).Write", "sum:memory of 2"}},
			// the read takes what the write leaves, later: balanced, and against the order of times
			{name: "read of the future", inputs: with(6, 2, 7, 11, 9, 0, 1, 11, 3, 1), off: []string{"bus.CheckRange"}},
			{name: "read of itself", inputs: with(4, 1, 6, 1, 7, 99, 9, 0), off: []string{"bus.CheckRange"}},
			{name: "enabled not a bit", inputs: with(4, -1), off: []string{"memory.(*Memory).Write", "sum:memory of 2"}},
		},
	}}
}
