package steps

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/signatures"
)

// Source gives a row what it does not compute: wires of a circuit, or numbers of a machine that runs. A value that
// is asked for is held by what the caller does with it; a source promises nothing.
type Source interface {
	// Open gives the time of the last access to a tuple of four cells, and the cells.
	Open(enabled, address frontend.Variable) (last frontend.Variable, cells []frontend.Variable)
	// Close is told what the tuple became, and when.
	Close(enabled, address, now frontend.Variable, cells []frontend.Variable)
	// Word gives word `index` of the segment.
	Word(enabled, index frontend.Variable) frontend.Variable
	// OffChain gives the two words of a signature that the segment does not carry.
	OffChain(enabled, index frontend.Variable) (r, s frontend.Variable)
	// Hash gives the hash of at most five elements.
	Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable
	// Signature tells if a signature is valid.
	Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable
	// Neighbour gives 1 + the name of the order after which one of this price is to rest, 0 for the head.
	Neighbour(enabled, instrument, side, price frontend.Variable) frontend.Variable
}

// TupleCells is the number of cells that are read together.
const TupleCells = 4

// Inputs is a source of wires: a row's inputs in the order in which the step asks.
type Inputs struct {
	Wires []frontend.Variable
	next  int
}

func (in *Inputs) take() frontend.Variable {
	if in.next == len(in.Wires) {
		panic(fmt.Sprintf("steps: a row asks for more than its %d inputs", len(in.Wires)))
	}
	in.next++
	return in.Wires[in.next-1]
}

func (in *Inputs) takeMany(count int) []frontend.Variable {
	list := make([]frontend.Variable, count)
	for i := range list {
		list[i] = in.take()
	}
	return list
}

// Open takes five inputs.
func (in *Inputs) Open(_, _ frontend.Variable) (frontend.Variable, []frontend.Variable) {
	return in.take(), in.takeMany(TupleCells)
}

// Close takes none.
func (in *Inputs) Close(_, _, _ frontend.Variable, _ []frontend.Variable) {}

// Word takes one input.
func (in *Inputs) Word(_, _ frontend.Variable) frontend.Variable { return in.take() }

// OffChain takes two inputs.
func (in *Inputs) OffChain(_, _ frontend.Variable) (r, s frontend.Variable) {
	return in.take(), in.take()
}

// Hash takes one input.
func (in *Inputs) Hash(_, _ frontend.Variable, _ []frontend.Variable) frontend.Variable {
	return in.take()
}

// Signature takes one input.
func (in *Inputs) Signature(frontend.Variable, *signatures.Row) frontend.Variable { return in.take() }

// Neighbour takes one input.
func (in *Inputs) Neighbour(_, _, _, _ frontend.Variable) frontend.Variable { return in.take() }
