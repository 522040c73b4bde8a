// Package poseidon holds the hashes of spec 10-R01 and 10-R02 as constraints. What is hashed is no business of
// this package. Nothing in it takes a hint or asserts: each result is a function of the inputs.
package poseidon

import (
	"fmt"

	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/std/permutation/poseidon2"
)

const (
	fullRounds    = 8
	partialRounds = 57
)

// Hasher makes the hashes of one circuit.
type Hasher struct {
	api          frontend.API
	narrow, wide *poseidon2.Permutation
}

// New prepares the permutations of width 8 and 16.
func New(api frontend.API) *Hasher {
	prepare := func(width int) *poseidon2.Permutation {
		permutation, err := poseidon2.NewPoseidon2FromParameters(api, width, fullRounds, partialRounds)
		if err != nil {
			panic(fmt.Sprintf("poseidon: %v", err)) // only for another field
		}
		return permutation
	}
	return &Hasher{api: api, narrow: prepare(8), wide: prepare(16)}
}

// Hash7 hashes at most 7 elements under a tag, which may be a wire; missing ones are zero. 363 constraints.
func (h *Hasher) Hash7(tag frontend.Variable, elements ...frontend.Variable) frontend.Variable {
	return permute(h.narrow, place(8, elements, tag))[0]
}

// Hash15 hashes at most 15 elements under a tag; missing ones are zero. 555 constraints.
func (h *Hasher) Hash15(tag frontend.Variable, elements ...frontend.Variable) frontend.Variable {
	return permute(h.wide, place(16, elements, tag))[0]
}

// HashPage hashes the 16 cells of a page.
func (h *Hasher) HashPage(cells []frontend.Variable) frontend.Variable {
	return h.api.Add(permute(h.wide, exactly(16, cells))[0], cells[0])
}

// HashNode hashes the 8 children of a node.
func (h *Hasher) HashNode(children []frontend.Variable) frontend.Variable {
	return h.api.Add(permute(h.narrow, exactly(8, children))[0], children[0])
}

// place puts elements first and the tag last, zeros between.
func place(width int, elements []frontend.Variable, tag frontend.Variable) []frontend.Variable {
	if len(elements) > width-1 {
		panic(fmt.Sprintf("poseidon: %d elements for a hash of %d", len(elements), width-1))
	}
	state := make([]frontend.Variable, width)
	for i := range state {
		state[i] = 0
	}
	copy(state, elements)
	state[width-1] = tag
	return state
}

func exactly(width int, elements []frontend.Variable) []frontend.Variable {
	if len(elements) != width {
		panic(fmt.Sprintf("poseidon: %d elements for a permutation of %d", len(elements), width))
	}
	return append([]frontend.Variable(nil), elements...)
}

func permute(permutation *poseidon2.Permutation, state []frontend.Variable) []frontend.Variable {
	if err := permutation.Permutation(state); err != nil {
		panic(fmt.Sprintf("poseidon: %v", err)) // only for another width
	}
	return state
}
