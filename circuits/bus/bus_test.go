package bus_test

import (
	"strings"
	"testing"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
)

var pairs = bus.Sum{Name: "pairs", Width: 2}

func TestMistakesOfACircuitAreTold(t *testing.T) {
	for message, define := range map[string]harness.Define{
		"a tuple of 3 for a sum of width 2": func(b bus.Bus, in []frontend.Variable) { b.Push(pairs, 1, in[0], in[0], in[0]) },
		"a tuple of 3 for a sum of width 2 ": func(b bus.Bus, in []frontend.Variable) {
			b.Push(pairs, 1, in[0], in[0])
			b.Push(bus.Sum{Name: "pairs", Width: 3}, 1, in[0], in[0], in[0])
		},
		"1 elements for 2":                     func(b bus.Bus, in []frontend.Variable) { b.Exchange(pairs, 1, in, in[:1]) },
		"no range table of 7 bits":             func(b bus.Bus, in []frontend.Variable) { b.Small(in[0], 7) },
		"no range of 253 bits":                 func(b bus.Bus, in []frontend.Variable) { bus.CheckRange(b, in[0], 253) },
		"the constant 256 has more than 8 bit": func(b bus.Bus, _ []frontend.Variable) { bus.CheckRange(b, 256, 8) },
	} {
		_, err := harness.Compile(define, 2, []int{4, 8})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(message)) {
			t.Errorf("%q is not what is told: %v", message, err)
		}
	}
	for _, ranges := range [][]int{{0}, {17}, {8, 8}, {8, 4}} {
		if _, err := harness.Compile(func(bus.Bus, []frontend.Variable) {}, 1, ranges); err == nil {
			t.Errorf("range tables %v were made", ranges)
		}
	}
}

func TestRangesOfEveryWidth(t *testing.T) {
	for _, tables := range [][]int{{3}, {4, 8}, {5, 7}} {
		for bits := 1; bits <= 40; bits++ {
			system, err := harness.Compile(func(b bus.Bus, in []frontend.Variable) { bus.CheckRange(b, in[0], bits) }, 1, tables)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []int64{0, 1, 1<<bits - 1} {
				if err := harness.Solve(system, []frontend.Variable{v}); err != nil {
					t.Errorf("tables %v: %d is said not to have %d bits: %v", tables, v, bits, err)
				}
			}
			for _, v := range []int64{-1, 1 << bits, 1<<bits + 1, 3 << bits} {
				if harness.Solve(system, []frontend.Variable{v}) == nil {
					t.Errorf("tables %v: %d is said to have %d bits", tables, v, bits)
				}
			}
		}
	}
}
