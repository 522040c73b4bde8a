// Package tiny is the smallest circuit with everything that a key has: public inputs, a sum, a commitment. Tests of
// keys and provers use it; nothing proves it in earnest.
package tiny

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
)

// Circuit proves that Sum is the sum of two numbers below 2^Bits.
type Circuit struct {
	Sum   frontend.Variable `gnark:",public"`
	X, Y  frontend.Variable
	Bits  int `gnark:"-"`
	Rooms int `gnark:"-"` // how often the range is checked, to make the circuit larger
}

// Define makes the constraints.
func (c *Circuit) Define(api frontend.API) error {
	b := bus.New(api, 4)
	for range max(c.Rooms, 1) {
		bus.CheckRange(b, c.X, c.Bits)
		bus.CheckRange(b, c.Y, c.Bits)
	}
	api.AssertIsEqual(api.Add(c.X, c.Y), c.Sum)
	return nil
}

// New is an empty circuit of numbers of `bits` bits.
func New(bits int) func() frontend.Circuit {
	return func() frontend.Circuit { return &Circuit{Bits: bits} }
}
