package tree

import (
	"errors"
	"fmt"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
	native "miletus/native/tree"
)

// ErrTooSmall says that what was touched does not fit the rows of a size.
var ErrTooSmall = errors.New("tree: this size has too few rows for the pages that were touched")

// Touched is a page that a proof is about: its cells before and after, and the time of the last access of each
// memory tuple.
type Touched struct {
	Number        int64
	Before, After [Cells]fr.Element
	Last          []int64
}

// place names a node or page.
type place struct {
	level int
	index int64
}

// pair is a hash before and after.
type pair struct{ before, after fr.Element }

// builder turns touched pages into rows.
type builder struct {
	before *native.Tree
	pages  map[int64]*Touched
	nodes  map[place]bool
	hashes map[place]pair // of what has a row
	width  int
}

// Rows are what the tables of pages and nodes hold.
type Rows struct {
	Pages     []Page
	ReadPages []ReadPage
	Nodes     []Node
	RootAfter fr.Element
}

// Assign fills tables of exactly pages, readPages and nodes rows: with the pages that were touched, the nodes over
// them, and untouched ones of the tree where room is left. A page whose cells did not change may go to either
// table. Each page has 16 / width times.
func Assign(before *native.Tree, touched []Touched, width, pages, readPages, nodes int) (*Rows, error) {
	b := &builder{before, map[int64]*Touched{}, map[place]bool{}, map[place]pair{}, width}
	for i := range touched {
		p := &touched[i]
		if b.pages[p.Number] != nil || len(p.Last) != Cells/width {
			return nil, fmt.Errorf("tree: page %d is given twice or has %d times, not %d", p.Number, len(p.Last), Cells/width)
		}
		b.add(p)
	}
	b.nodes[place{Depth, 0}] = true
	if len(b.pages) > pages+readPages || len(b.nodes) > nodes {
		return nil, fmt.Errorf("%w: %d pages for %d + %d rows, %d nodes for %d",
			ErrTooSmall, len(b.pages), pages, readPages, len(b.nodes), nodes)
	}
	b.pad(pages+readPages, nodes)
	return b.write(pages, readPages)
}

// add takes a page and the nodes over it.
func (b *builder) add(page *Touched) {
	b.pages[page.Number] = page
	for at := (place{0, page.Number}); at.level < Depth; {
		at = place{at.level + 1, at.index / Arity}
		b.nodes[at] = true
	}
}

// pad takes untouched nodes and pages until the tables are full: nodes first and the lowest ones first, so that
// pages have parents.
func (b *builder) pad(pages, nodes int) {
	for level := 1; level < Depth && len(b.nodes) < nodes; {
		had := len(b.nodes)
		for _, parent := range b.sorted(level + 1) {
			for j := int64(0); j < Arity && len(b.nodes) < nodes; j++ {
				b.nodes[place{level, parent*Arity + j}] = true
			}
		}
		if level++; len(b.nodes) > had {
			level = max(1, level-2) // the new ones have room below
		}
	}
	for _, parent := range b.sorted(1) {
		for j := int64(0); j < Arity && len(b.pages) < pages; j++ {
			if number := parent*Arity + j; b.pages[number] == nil {
				b.padPage(number)
			}
		}
	}
}

// padPage takes an untouched page, if the tree has nothing there: what it holds else is not known here.
func (b *builder) padPage(number int64) {
	page := &Touched{Number: number, Last: make([]int64, Cells/b.width)}
	proof, err := b.before.Prove(number)
	if err != nil {
		return // not a page
	}
	if root, err := proof.ComputeRoot(number, poseidon.HashPage(&page.Before)); err == nil && root == b.before.Root() {
		b.pages[number] = page
	}
}

// sorted lists the indexes of the nodes of a level.
func (b *builder) sorted(level int) (indexes []int64) {
	for at := range b.nodes {
		if at.level == level {
			indexes = append(indexes, at.index)
		}
	}
	slices.Sort(indexes)
	return indexes
}

// write hashes everything and makes the rows.
func (b *builder) write(pages, readPages int) (*Rows, error) {
	rows := &Rows{}
	numbers := make([]int64, 0, len(b.pages))
	for number := range b.pages {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		page := b.pages[number]
		b.hashes[place{0, number}] = pair{poseidon.HashPage(&page.Before), poseidon.HashPage(&page.After)}
		if page.Before != page.After {
			rows.Pages = append(rows.Pages, page.write())
		}
	}
	for _, number := range numbers {
		page := b.pages[number]
		switch {
		case page.Before != page.After:
		case len(rows.ReadPages) < readPages:
			rows.ReadPages = append(rows.ReadPages, page.writeRead())
		default:
			rows.Pages = append(rows.Pages, page.write())
		}
	}
	if len(rows.Pages) != pages || len(rows.ReadPages) != readPages {
		return nil, fmt.Errorf("%w: %d of %d pages changed or filled, %d of %d read",
			ErrTooSmall, len(rows.Pages), pages, len(rows.ReadPages), readPages)
	}
	for level := 1; level <= Depth; level++ {
		for _, index := range b.sorted(level) {
			node, err := b.writeNode(place{level, index})
			if err != nil {
				return nil, err
			}
			rows.Nodes = append(rows.Nodes, node)
		}
	}
	rows.RootAfter = b.hashes[place{Depth, 0}].after
	if root := b.hashes[place{Depth, 0}].before; root != b.before.Root() {
		return nil, errors.New("tree: the pages before are not those of the tree")
	}
	return rows, nil
}

// writeNode makes a node's row; its children that have rows are hashed already.
func (b *builder) writeNode(at place) (row Node, err error) {
	row.Level, row.Index = at.level, at.index
	siblings, err := b.children(at)
	if err != nil {
		return row, err
	}
	before, after := siblings, siblings
	for j := range int64(Arity) {
		row.Linked[j] = 0
		if hash, ok := b.hashes[place{at.level - 1, at.index*Arity + j}]; ok {
			before[j], after[j] = hash.before, hash.after
			row.Linked[j] = 1
		}
		row.Before[j], row.After[j] = before[j], after[j]
	}
	b.hashes[at] = pair{poseidon.HashNode(&before), poseidon.HashNode(&after)}
	return row, nil
}

// children gives the hashes of a node's children in the tree before, by proofs of two pages under it.
func (b *builder) children(at place) (hashes [Arity]fr.Element, err error) {
	size := int64(1) << (3 * (at.level - 1))
	first, err := b.before.Prove(at.index * Arity * size)
	if err != nil {
		return hashes, err
	}
	second, err := b.before.Prove((at.index*Arity + 1) * size)
	if err != nil {
		return hashes, err
	}
	copy(hashes[1:], first[at.level-1][:])
	hashes[0] = second[at.level-1][0]
	return hashes, nil
}

func (p *Touched) write() (row Page) {
	row.Number = p.Number
	for i := range Cells {
		row.Before[i], row.After[i] = p.Before[i], p.After[i]
	}
	for _, last := range p.Last {
		row.Last = append(row.Last, last)
	}
	return row
}

func (p *Touched) writeRead() (row ReadPage) {
	row.Number = p.Number
	for i := range Cells {
		row.Cells[i] = p.Before[i]
	}
	for _, last := range p.Last {
		row.Last = append(row.Last, last)
	}
	return row
}
