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

// Update is UpdateOn all cores.
func (t *Tree) Update(numbers, kinds, fields []int64) (fr.Element, error) {
	return t.UpdateOn(parallel.Cores(), numbers, kinds, fields)
}

// UpdateOn sets pages and returns the new root, computed by at most `workers` cores. `fields` has 64 integers a
// page. On an error nothing is changed.
func (t *Tree) UpdateOn(workers int, numbers, kinds, fields []int64) (fr.Element, error) {
	if len(kinds) != len(numbers) || len(fields) != len(numbers)*Fields {
		return fr.Element{}, fmt.Errorf("%d page numbers with %d kinds and %d fields: each page has one kind and %d fields",
			len(numbers), len(kinds), len(fields), Fields)
	}
	leaves, err := t.hashPages(workers, numbers, kinds, fields)
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
	t.apply(workers, leaves)
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

func (t *Tree) hashPages(workers int, numbers, kinds, fields []int64) ([]leaf, error) {
	leaves := make([]leaf, len(numbers))
	var mutex sync.Mutex
	var failure error
	parallel.RunOn(workers, len(numbers), grain, func(first, end int) {
		var cells [poseidon.Lanes][Cells]fr.Element
		var hashes [poseidon.Lanes]fr.Element
		for ; first < end; first += poseidon.Lanes {
			count := min(poseidon.Lanes, end-first)
			for i := range count {
				var err error
				if cells[i], err = t.packPage(numbers[first+i], kinds[first+i], fields[(first+i)*Fields:]); err != nil {
					mutex.Lock()
					failure = err
					mutex.Unlock()
					return
				}
			}
			poseidon.HashPages(cells[:count], hashes[:count])
			for i := range count {
				leaves[first+i] = leaf{uint32(numbers[first+i]), hashes[i]}
			}
		}
	})
	return leaves, failure
}

// packPage packs a page and says which it is if that can't be done.
func (t *Tree) packPage(number, kind int64, fields []int64) ([Cells]fr.Element, error) {
	if number < 0 || number >= Pages {
		return [Cells]fr.Element{}, fmt.Errorf("page number %d is not in 0..%d", number, Pages-1)
	}
	cells, err := t.packing.Pack(int(kind), (*[Fields]int64)(fields[:Fields]))
	if err != nil {
		return cells, fmt.Errorf("page %d: %w", number, err)
	}
	return cells, nil
}

// apply sets sorted leaves and computes the nodes above them, level by level.
func (t *Tree) apply(workers int, changed []leaf) {
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
		parallel.RunOn(workers, len(parents), grain, func(first, end int) { t.hashNodes(level+1, parents[first:end]) })
		changed = parents
	}
}

// hashNodes hashes the children of nodes as they are now.
func (t *Tree) hashNodes(level int, nodes []leaf) {
	var children [poseidon.Lanes][arity]fr.Element
	var hashes [poseidon.Lanes]fr.Element
	for len(nodes) > 0 {
		count := min(poseidon.Lanes, len(nodes))
		for i := range count {
			for j := range children[i] {
				children[i][j] = t.getHash(level-1, nodes[i].number*arity+uint32(j))
			}
		}
		poseidon.HashNodes(children[:count], hashes[:count])
		for i := range count {
			nodes[i].hash = hashes[i]
		}
		nodes = nodes[count:]
	}
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
