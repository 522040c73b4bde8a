package tree

import (
	"fmt"
	"slices"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/parallel"
	"miletus/native/poseidon"
)

const (
	// Depth is the number of levels of nodes over the pages.
	Depth = 10
	// Pages is the number of leaves.
	Pages = 1 << 30

	arity = 8
	grain = 16 // hashes that are worth a goroutine
)

// untouched holds the hash of a subtree of zero pages by its height.
var untouched = computeUntouched()

func computeUntouched() (hashes [Depth + 1]fr.Element) {
	hashes[0] = poseidon.HashPage(new([Cells]fr.Element))
	for level := range Depth {
		var children [arity]fr.Element
		for i := range children {
			children[i] = hashes[level]
		}
		hashes[level+1] = poseidon.HashNode(&children)
	}
	return hashes
}

// Tree keeps the hashes of what differs from an untouched tree: levels[0] by page number, levels[k] by page
// number / 8^k. Pages themselves are not kept. It is safe for concurrent use.
type Tree struct {
	packing *Packing
	mutex   sync.RWMutex
	levels  [Depth + 1]map[uint32]fr.Element
}

// New makes an untouched tree.
func New(packing *Packing) *Tree {
	t := &Tree{packing: packing}
	for level := range t.levels {
		t.levels[level] = map[uint32]fr.Element{}
	}
	return t
}

// Update sets pages and returns the new root. `fields` has 64 integers a page. On an error nothing is changed.
func (t *Tree) Update(numbers []int64, kinds []int64, fields []int64) (fr.Element, error) {
	if len(kinds) != len(numbers) || len(fields) != len(numbers)*Fields {
		return fr.Element{}, fmt.Errorf("%d page numbers with %d kinds and %d fields: each page has one kind and %d fields",
			len(numbers), len(kinds), len(fields), Fields)
	}
	leaves, err := t.hashPages(numbers, kinds, fields)
	if err != nil {
		return fr.Element{}, err
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return int(a.number) - int(b.number) })
	for i := 1; i < len(leaves); i++ {
		if leaves[i].number == leaves[i-1].number {
			return fr.Element{}, fmt.Errorf("page %d is given twice", leaves[i].number)
		}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.apply(leaves)
	return t.getHash(Depth, 0), nil
}

// Root returns the root.
func (t *Tree) Root() fr.Element {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return t.getHash(Depth, 0)
}

// Count returns the number of pages that are not zero.
func (t *Tree) Count() int {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return len(t.levels[0])
}

// leaf is a page's hash at its place.
type leaf struct {
	number uint32
	hash   fr.Element
}

func (t *Tree) hashPages(numbers []int64, kinds []int64, fields []int64) ([]leaf, error) {
	leaves := make([]leaf, len(numbers))
	failures := make([]error, len(numbers))
	parallel.Run(len(numbers), grain, func(first, end int) {
		for i := first; i < end; i++ {
			if numbers[i] < 0 || numbers[i] >= Pages {
				failures[i] = fmt.Errorf("page number %d is not in 0..%d", numbers[i], Pages-1)
				continue
			}
			cells, err := t.packing.Pack(int(kinds[i]), (*[Fields]int64)(fields[i*Fields:(i+1)*Fields]))
			if err != nil {
				failures[i] = fmt.Errorf("page %d: %w", numbers[i], err)
				continue
			}
			leaves[i] = leaf{uint32(numbers[i]), poseidon.HashPage(&cells)}
		}
	})
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return leaves, nil
}

// apply sets sorted leaves and computes the nodes above them, level by level.
func (t *Tree) apply(changed []leaf) {
	for level := 0; ; level++ {
		for i := range changed {
			t.setHash(level, changed[i].number, &changed[i].hash)
		}
		if level == Depth {
			return
		}
		parents := changed[:0]
		for _, child := range changed {
			number := child.number / arity
			if len(parents) == 0 || parents[len(parents)-1].number != number {
				parents = append(parents, leaf{number: number})
			}
		}
		parallel.Run(len(parents), grain, func(first, end int) {
			for i := first; i < end; i++ {
				parents[i].hash = t.hashNode(level+1, parents[i].number)
			}
		})
		changed = parents
	}
}

// hashNode hashes a node's children as they are now.
func (t *Tree) hashNode(level int, number uint32) fr.Element {
	var children [arity]fr.Element
	for j := range children {
		children[j] = t.getHash(level-1, number*arity+uint32(j))
	}
	return poseidon.HashNode(&children)
}

func (t *Tree) getHash(level int, number uint32) fr.Element {
	if hash, ok := t.levels[level][number]; ok {
		return hash
	}
	return untouched[level]
}

// setHash forgets what is as it was in the beginning, so that an emptied tree takes no room.
func (t *Tree) setHash(level int, number uint32, hash *fr.Element) {
	if hash.Equal(&untouched[level]) {
		delete(t.levels[level], number)
		return
	}
	t.levels[level][number] = *hash
}
