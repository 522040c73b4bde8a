package exit

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/layout"
	"miletus/circuits/tree"
	hashes "miletus/native/poseidon"
	native "miletus/native/tree"
)

// State is a state to read from, outside of a circuit: its tree, and the cells of the pages that are not zero.
type State struct {
	Tree  *native.Tree
	Pages map[int64][tree.Cells]fr.Element
}

// read gives a page and its path.
func (s *State) read(number int64) (page Page, err error) {
	proof, err := s.Tree.Prove(number)
	if err != nil {
		return page, err
	}
	cells := s.Pages[number]
	for i := range cells {
		page.Cells[i] = cells[i]
	}
	hash := hashes.HashPage(&cells)
	for level, rest := 0, number; level < tree.Depth; level, rest = level+1, rest/tree.Arity {
		var children [tree.Arity]fr.Element
		own := rest % tree.Arity
		copy(children[:own], proof[level][:own])
		children[own] = hash
		copy(children[own+1:], proof[level][own:])
		for j := range children {
			page.Nodes[level][j] = children[j]
		}
		hash = hashes.HashNode(&children)
	}
	return page, nil
}

// empty is a page that nothing is read from.
func empty() (page Page) {
	for i := range page.Cells {
		page.Cells[i] = 0
	}
	for i := range page.Nodes {
		for j := range page.Nodes[i] {
			page.Nodes[i][j] = 0
		}
	}
	return page
}

// get reads a field of a page.
func (s *State) get(number int64, kind, field int) int64 {
	cells := s.Pages[number]
	cell, place := find(kind, field)
	return layout.UnpackCell(layout.Packing[kind][cell], &cells[cell])[place]
}
