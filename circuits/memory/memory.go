// Package memory is offline memory checking of the state's cells: every access takes the tuple (address, values,
// time of the last access) away and gives it back with its own time and values. What is opened from a page's old
// cells is closed with its new ones. Where pages come from is the tree's business.
//
// Why a read is of the last write: times of accesses are different and above 0; each tuple that is taken was given
// by the opening or by exactly one access, and the range check makes that one earlier. So the tuples of an
// address form one chain from its opening, at time 0, through all its accesses in the order of their times to its
// closing. Addresses and times stand in places of their own; nothing is packed.
package memory

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
)

// Memory is the memory of one circuit: its tuples have `Width` cells, 1, 2, 4, 8 or 16.
type Memory struct {
	Width    int
	timeBits int
	bus      bus.Bus
	integers *integers.Arithmetic
	sum      bus.Sum
}

// New makes a memory; times are below 2^timeBits.
func New(b bus.Bus, width, timeBits int) *Memory {
	if 16%width != 0 || timeBits < 1 || timeBits > 62 {
		panic(fmt.Sprintf("memory: tuples of %d cells, times of %d bits", width, timeBits))
	}
	sum := bus.Sum{Name: fmt.Sprintf("memory of %d", width), Width: width + 2}
	return &Memory{width, timeBits, b, integers.New(b), sum}
}

// Read holds that the tuple at the address is `values` at time `now`, last accessed at `last`. Nothing is held
// where enabled, which is asserted to be a bit, is 0; `last` must then still be below now.
func (m *Memory) Read(enabled, address, last, now frontend.Variable, values []frontend.Variable) {
	m.Write(enabled, address, last, now, values, make([]frontend.Variable, len(values)))
}

// Write replaces the tuple `before` by `after`. A value that is nil in `after` stays, and costs as much as a read.
//
// The times of a circuit's accesses must differ; the caller numbers them.
func (m *Memory) Write(enabled, address, last, now frontend.Variable, before, after []frontend.Variable) {
	m.integers.Bit(enabled)
	bus.CheckRange(m.bus, m.bus.API().Sub(now, last, 1), m.timeBits)
	m.bus.Exchange(m.sum, enabled, m.join(address, before, last), m.join(nil, after, now))
}

// Hold opens the tuple at the address with `before` and closes it with `after`, last accessed at `last`, 0 if
// never. `after` is nil, or nil in places, for what did not change. The tree answers for each address being held
// at most once.
func (m *Memory) Hold(address frontend.Variable, before, after []frontend.Variable, last frontend.Variable) {
	taken := append([]frontend.Variable(nil), before...)
	given := make([]frontend.Variable, len(before))
	for i := range after {
		if after[i] != nil {
			taken[i], given[i] = after[i], before[i]
		}
	}
	m.bus.Exchange(m.sum, 1, m.join(address, taken, last), m.join(nil, given, 0))
}

func (m *Memory) join(address frontend.Variable, values []frontend.Variable, time frontend.Variable) []frontend.Variable {
	if len(values) != m.Width {
		panic(fmt.Sprintf("memory: %d values for a tuple of %d", len(values), m.Width))
	}
	tuple := append([]frontend.Variable{address}, values...)
	return append(tuple, time)
}
