package tree

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
)

// Proof holds the siblings on the way from a page to the root: 7 a level, the page's level first, by child
// number with the way's own child left out.
type Proof [Depth][arity - 1]fr.Element

// Prove gives the proof of a page, touched or not.
func (t *Tree) Prove(page int64) (*Proof, error) {
	if page < 0 || page >= Pages {
		return nil, fmt.Errorf("page number %d is not in 0..%d", page, Pages-1)
	}
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	proof := new(Proof)
	number := uint32(page)
	for level := range Depth {
		own := number % arity
		for j := range uint32(arity - 1) {
			child := j
			if j >= own {
				child++
			}
			proof[level][j] = t.getHash(level, number-own+child)
		}
		number /= arity
	}
	return proof, nil
}

// ComputeRoot folds a page's hash up to the root that the proof leads to.
func (p *Proof) ComputeRoot(page int64, hash fr.Element) (fr.Element, error) {
	if page < 0 || page >= Pages {
		return fr.Element{}, fmt.Errorf("page number %d is not in 0..%d", page, Pages-1)
	}
	number := uint32(page)
	for level := range Depth {
		var children [arity]fr.Element
		own := number % arity
		copy(children[:own], p[level][:own])
		children[own] = hash
		copy(children[own+1:], p[level][own:])
		hash = poseidon.HashNode(&children)
		number /= arity
	}
	return hash, nil
}
