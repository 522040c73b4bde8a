package poseidon

import "github.com/consensys/gnark-crypto/ecc/bn254/fr"

// Tags that keep the uses of one permutation apart (spec 10-R02).
const (
	TagMessage   = 1
	TagChallenge = 2
	TagReceipt   = 3
	TagOutbox    = 4
	TagData      = 5
	TagSheet     = 6
)

// Hash7 hashes at most 7 elements under a tag; missing ones are zero (spec 10-R02). More of them are a mistake
// of the caller, and panic.
func Hash7(tag uint64, elements ...fr.Element) fr.Element {
	var state [8]fr.Element
	if len(elements) > 7 {
		panic("poseidon: Hash7 takes at most 7 elements")
	}
	copy(state[:7], elements)
	state[7].SetUint64(tag)
	Permute8(&state)
	return state[0]
}

// Hash15 hashes at most 15 elements under a tag; missing ones are zero (spec 10-R02).
func Hash15(tag uint64, elements ...fr.Element) fr.Element {
	var state [16]fr.Element
	if len(elements) > 15 {
		panic("poseidon: Hash15 takes at most 15 elements")
	}
	copy(state[:15], elements)
	state[15].SetUint64(tag)
	Permute16(&state)
	return state[0]
}

// HashPage hashes the 16 cells of a page (spec 10-R01).
func HashPage(cells *[16]fr.Element) fr.Element {
	state := *cells
	Permute16(&state)
	return *state[0].Add(&state[0], &cells[0])
}

// HashNode hashes the 8 children of a node (spec 10-R01).
func HashNode(children *[8]fr.Element) fr.Element {
	state := *children
	Permute8(&state)
	return *state[0].Add(&state[0], &children[0])
}

// Hash7Many is Hash7 of many inputs of 7 elements, with their zeros written out, on one core.
func Hash7Many(tag uint64, inputs [][7]fr.Element) []fr.Element {
	states := make([][8]fr.Element, len(inputs))
	for i := range inputs {
		copy(states[i][:], inputs[i][:])
		states[i][7].SetUint64(tag)
	}
	PermuteMany8(states)
	hashes := make([]fr.Element, len(inputs))
	for i := range states {
		hashes[i] = states[i][0]
	}
	return hashes
}

// HashPages is HashPage of many pages, on one core; it uses their memory up.
func HashPages(pages [][16]fr.Element, hashes []fr.Element) {
	for i := range pages {
		hashes[i] = pages[i][0]
	}
	PermuteMany16(pages)
	for i := range pages {
		hashes[i].Add(&hashes[i], &pages[i][0])
	}
}

// HashNodes is HashNode of many nodes, on one core; it uses the memory of the children up.
func HashNodes(children [][8]fr.Element, hashes []fr.Element) {
	for i := range children {
		hashes[i] = children[i][0]
	}
	PermuteMany8(children)
	for i := range children {
		hashes[i].Add(&hashes[i], &children[i][0])
	}
}
