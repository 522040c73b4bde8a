package tree

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
)

// kind 0 has no cells; kind 1 two signed fields in one cell, a wide element of 5 limbs and a plain field.
var testTable = []int64{2, 0, 3, 2, 0, 62, 1, 1, 40, 1, 5, 2, 52, 0, 3, 52, 0, 4, 52, 0, 5, 52, 0, 6, 52, 0, 1, 7, 8, 0}

func newTestPacking(t testing.TB) *Packing {
	t.Helper()
	packing, err := NewPacking(testTable)
	if err != nil {
		t.Fatal(err)
	}
	return packing
}

// pages are random pages of kind 1 at random numbers, as the arguments of Update.
type pages struct{ numbers, kinds, fields []int64 }

func newPages(count int, source *rand.Rand) pages {
	seen := map[int64]bool{}
	var p pages
	for len(p.numbers) < count {
		number := source.Int64N(Pages)
		if source.IntN(2) == 0 {
			number %= 600 // many neighbours too
		}
		if !seen[number] {
			seen[number] = true
			var fields [Fields]int64
			fields[0], fields[1] = source.Int64N(1<<62)-1<<61, source.Int64N(1<<40)-1<<39
			fields[7] = source.Int64N(256)
			p.numbers, p.kinds, p.fields = append(p.numbers, number), append(p.kinds, 1), append(p.fields, fields[:]...)
		}
	}
	return p
}

func (p pages) part(first, end int) pages {
	return pages{p.numbers[first:end], p.kinds[first:end], p.fields[first*Fields : end*Fields]}
}

func update(t testing.TB, tree *Tree, p pages) fr.Element {
	t.Helper()
	root, err := tree.Update(p.numbers, p.kinds, p.fields)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// computeNaive computes the root of a subtree by recursion over the pages in it.
func computeNaive(level int, first int64, hashes map[int64]fr.Element) fr.Element {
	if len(hashes) == 0 {
		return untouched[level]
	}
	if level == 0 {
		return hashes[first]
	}
	var children [arity]fr.Element
	size := int64(1) << (3 * (level - 1))
	for j := range children {
		start := first + int64(j)*size
		own := map[int64]fr.Element{}
		for number, hash := range hashes {
			if number >= start && number < start+size {
				own[number] = hash
			}
		}
		children[j] = computeNaive(level-1, start, own)
	}
	return poseidon.HashNode(&children)
}

// rule: 10-R01
func TestRootIsThatOfTheWholeTree(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	packing := newTestPacking(t)
	tree, hashes := New(packing), map[int64]fr.Element{}
	for range 6 {
		p := newPages(60, source)
		root := update(t, tree, p)
		for i, number := range p.numbers {
			cells, err := packing.Pack(1, (*[Fields]int64)(p.fields[i*Fields:]))
			if err != nil {
				t.Fatal(err)
			}
			hashes[number] = poseidon.HashPage(&cells)
		}
		if expected := computeNaive(Depth, 0, hashes); !root.Equal(&expected) {
			t.Fatal("the root is not that of the tree's definition")
		}
		if got := tree.Root(); !got.Equal(&root) {
			t.Fatal("Root differs from what Update returned")
		}
	}
}

func TestOrderAndGroupingOfUpdatesDoNotMatter(t *testing.T) {
	source := rand.New(rand.NewPCG(3, 4))
	packing := newTestPacking(t)
	p := newPages(200, source)
	one, many, backwards := New(packing), New(packing), New(packing)
	root := update(t, one, p)
	for first := 0; first < 200; first += 23 {
		update(t, many, p.part(first, min(first+23, 200)))
	}
	for i := 199; i >= 0; i-- {
		update(t, backwards, p.part(i, i+1))
	}
	for _, other := range []*Tree{many, backwards} {
		if got := other.Root(); !got.Equal(&root) {
			t.Fatal("the same pages gave another root")
		}
	}
}

// rule: 10-R01
func TestEmptiedTreeIsUntouchedAndTakesNoRoom(t *testing.T) {
	tree := New(newTestPacking(t))
	empty := tree.Root()
	if !empty.Equal(&untouched[Depth]) {
		t.Fatal("a new tree is not untouched")
	}
	p := newPages(100, rand.New(rand.NewPCG(5, 6)))
	update(t, tree, p)
	if tree.Count() == 0 {
		t.Fatal("no page was kept")
	}
	clear(p.fields)
	if root := update(t, tree, p); !root.Equal(&empty) {
		t.Fatal("an emptied tree has another root")
	}
	for level := range tree.levels {
		if len(tree.levels[level]) != 0 {
			t.Fatalf("%d hashes stay at level %d", len(tree.levels[level]), level)
		}
	}
}

// rule: 10-R01
func TestProofs(t *testing.T) {
	source := rand.New(rand.NewPCG(7, 8))
	packing := newTestPacking(t)
	tree := New(packing)
	p := newPages(50, source)
	root := update(t, tree, p)
	for i, number := range append(slices.Clone(p.numbers), 0, 601, Pages-1) {
		cells := [Cells]fr.Element{}
		if i < len(p.numbers) {
			cells, _ = packing.Pack(1, (*[Fields]int64)(p.fields[i*Fields:]))
		} else if slices.Contains(p.numbers, number) {
			continue
		}
		proof, err := tree.Prove(number)
		if err != nil {
			t.Fatal(err)
		}
		leads := func(page int64, hash fr.Element) bool {
			got, err := proof.ComputeRoot(page, hash)
			return err == nil && got.Equal(&root)
		}
		hash := poseidon.HashPage(&cells)
		if !leads(number, hash) {
			t.Fatalf("the proof of page %d does not lead to the root", number)
		}
		if leads(Pages, hash) || leads(-1, hash) {
			t.Fatal("a page outside the tree is proved")
		}
		if i < len(p.numbers) && (leads(number^1, hash) || leads(number^(1<<29), hash)) {
			t.Fatalf("the proof of page %d proves another page", number)
		}
		cells[2].SetUint64(999)
		if leads(number, poseidon.HashPage(&cells)) {
			t.Fatalf("the proof of page %d proves other cells", number)
		}
		level, j := source.IntN(Depth), source.IntN(arity-1)
		proof[level][j].MustSetRandom()
		if leads(number, hash) {
			t.Fatalf("a proof with a wrong sibling leads to the root")
		}
	}
	if _, err := tree.Prove(Pages); err == nil {
		t.Fatal("a page outside the tree was proved")
	}
}

func TestBadUpdatesChangeNothing(t *testing.T) {
	tree := New(newTestPacking(t))
	good := newPages(20, rand.New(rand.NewPCG(9, 10)))
	before := update(t, tree, good)
	cases := map[string]func(*pages){
		"not in 0":             func(p *pages) { p.numbers[3] = -1 },
		"not in 0..":           func(p *pages) { p.numbers[19] = Pages },
		"given twice":          func(p *pages) { p.numbers[4] = p.numbers[11] },
		"no page kind":         func(p *pages) { p.kinds[5] = 2 },
		"no page kind -1":      func(p *pages) { p.kinds[5] = -1 },
		"outside its width":    func(p *pages) { p.fields[19*Fields+7] = 256 },
		"outside its width of": func(p *pages) { p.fields[7] = -1 },
		"has no cell":          func(p *pages) { p.fields[2*Fields+63] = 1 },
		"below the field's":    func(p *pages) { setLimbs(p.fields[Fields:], modulus) },
		"each page has one":    func(p *pages) { p.kinds = p.kinds[1:] },
		"and 64 fields":        func(p *pages) { p.fields = p.fields[1:] },
	}
	for expected, change := range cases {
		bad := newPages(20, rand.New(rand.NewPCG(11, 12)))
		change(&bad)
		_, err := tree.Update(bad.numbers, bad.kinds, bad.fields)
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%q was expected, not %v", expected, err)
		}
		if after := tree.Root(); !after.Equal(&before) {
			t.Fatalf("%q: a refused update changed the tree", expected)
		}
	}
}

func TestManyThreadsShareATree(t *testing.T) {
	tree := New(newTestPacking(t))
	p := newPages(128, rand.New(rand.NewPCG(13, 14)))
	var group sync.WaitGroup
	for i := 0; i < 128; i += 16 {
		group.Go(func() {
			own := p.part(i, i+16)
			if _, err := tree.Update(own.numbers, own.kinds, own.fields); err != nil {
				t.Error(err)
			}
			tree.Root()
			if _, err := tree.Prove(own.numbers[0]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	expected := update(t, New(newTestPacking(t)), p)
	if got := tree.Root(); !got.Equal(&expected) {
		t.Fatal("updates from many threads gave another root")
	}
}

func BenchmarkUpdate5000Pages(b *testing.B) {
	tree := New(newTestPacking(b))
	p := newPages(5000, rand.New(rand.NewPCG(15, 16)))
	for b.Loop() {
		p.fields[7] ^= 1
		update(b, tree, p)
	}
}
