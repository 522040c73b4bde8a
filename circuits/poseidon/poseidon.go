// Package poseidon holds the hashes of spec 10-R01 and 10-R02 as constraints. What is hashed is no business of
// this package. Nothing in it takes a hint or asserts: each result is a function of the inputs.
package poseidon

import (
	"fmt"

	"github.com/consensys/gnark/frontend"
)

// Hasher makes the hashes of one circuit.
type Hasher struct{ api frontend.API }

// New makes the hasher of a circuit.
func New(api frontend.API) *Hasher { return &Hasher{api} }

// Hash7 hashes at most 7 elements under a tag, which may be a wire; missing ones are zero. 363 constraints.
func (h *Hasher) Hash7(tag frontend.Variable, elements ...frontend.Variable) frontend.Variable {
	return permute(h.api, narrow(), place(8, elements, tag)).element(0)
}

// Hash15 hashes at most 15 elements under a tag; missing ones are zero. 555 constraints.
func (h *Hasher) Hash15(tag frontend.Variable, elements ...frontend.Variable) frontend.Variable {
	return permute(h.api, wide(), place(16, elements, tag)).element(0)
}

// HashPage hashes the 16 cells of a page.
func (h *Hasher) HashPage(cells []frontend.Variable) frontend.Variable {
	return h.api.Add(permute(h.api, wide(), exactly(16, cells)).element(0), cells[0])
}

// HashNode hashes the 8 children of a node.
func (h *Hasher) HashNode(children []frontend.Variable) frontend.Variable {
	return h.api.Add(permute(h.api, narrow(), exactly(8, children)).element(0), children[0])
}

// Draw makes `count` elements, at most 7, of one: challenges that nobody can choose.
func (h *Hasher) Draw(tag, element frontend.Variable, count int) []frontend.Variable {
	permuted := permute(h.api, narrow(), place(8, []frontend.Variable{element}, tag))
	drawn := make([]frontend.Variable, min(count, 7))
	for i := range drawn {
		drawn[i] = permuted.element(i)
	}
	return drawn
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
