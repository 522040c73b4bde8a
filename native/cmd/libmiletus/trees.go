package main

// #include <stdint.h>
import "C"

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/parallel"
	"miletus/native/poseidon"
	"miletus/native/tree"
)

var packing atomic.Pointer[tree.Packing]

// Sets the packing of pages, for all trees of the process: see tree.NewPacking. Only the same may be set again.
//
//export miletus_set_packing
func miletus_set_packing(values unsafe.Pointer, count C.int64_t) *C.char {
	return guard(func() error {
		fresh, err := tree.NewPacking(view[int64](values, count))
		if err != nil {
			return err
		}
		if !packing.CompareAndSwap(nil, fresh) && !packing.Load().Equal(view[int64](values, count)) {
			return errors.New("another packing of pages is in use already")
		}
		return nil
	})
}

func getPacking() (*tree.Packing, error) {
	if p := packing.Load(); p != nil {
		return p, nil
	}
	return nil, errors.New("no packing of pages was set")
}

//export miletus_tree_new
func miletus_tree_new(handle unsafe.Pointer) *C.char {
	return guard(func() error {
		p, err := getPacking()
		if err != nil {
			return err
		}
		*(*uint64)(handle) = trees.add(tree.New(p))
		return nil
	})
}

//export miletus_tree_free
func miletus_tree_free(handle C.uint64_t) *C.char {
	return guard(func() error { return trees.remove(uint64(handle)) })
}

// Sets `count` pages of 64 integers and writes the root. If it is patient, one core works, at low priority.
//
//export miletus_tree_update
func miletus_tree_update(
	handle C.uint64_t, patient C.int32_t, count C.int64_t, numbers, kinds, fields, root unsafe.Pointer,
) *C.char {
	return guard(func() error {
		t, err := trees.get(uint64(handle))
		if err != nil {
			return err
		}
		var hash fr.Element
		update := func(workers int) {
			hash, err = t.UpdateOn(workers,
				view[int64](numbers, count), view[int64](kinds, count), view[int64](fields, count*tree.Fields))
		}
		if patient != 0 {
			runPatiently(func() { update(1) })
		} else {
			update(parallel.Cores())
		}
		if err != nil {
			return err
		}
		writeElement(root, &hash)
		return nil
	})
}

// Writes the root and the number of pages that are not zero.
//
//export miletus_tree_root
func miletus_tree_root(handle C.uint64_t, root, count unsafe.Pointer) *C.char {
	return guard(func() error {
		t, err := trees.get(uint64(handle))
		if err != nil {
			return err
		}
		hash := t.Root()
		writeElement(root, &hash)
		*(*int64)(count) = int64(t.Count())
		return nil
	})
}

// Writes the 70 siblings of a page.
//
//export miletus_tree_prove
func miletus_tree_prove(handle C.uint64_t, page C.int64_t, out unsafe.Pointer) *C.char {
	return guard(func() error {
		t, err := trees.get(uint64(handle))
		if err != nil {
			return err
		}
		proof, err := t.Prove(int64(page))
		if err != nil {
			return err
		}
		for i, e := range flatten(proof) {
			writeElement(unsafe.Add(out, 32*i), e)
		}
		return nil
	})
}

// Computes the root that 70 siblings lead to from a page of 16 cells.
//
//export miletus_proof_root
func miletus_proof_root(page C.int64_t, cells, siblings, root unsafe.Pointer) *C.char {
	return guard(func() error {
		values, err := readElements(cells, tree.Cells, tree.Cells)
		if err != nil {
			return err
		}
		proof := new(tree.Proof)
		raw := view[byte](siblings, 32*tree.Depth*7)
		for i, e := range flatten(proof) {
			if *e, err = readElement(raw[32*i : 32*i+32]); err != nil {
				return err
			}
		}
		hash, err := proof.ComputeRoot(int64(page), poseidon.HashPage((*[tree.Cells]fr.Element)(values)))
		if err != nil {
			return err
		}
		writeElement(root, &hash)
		return nil
	})
}

// Packs the 64 integers of a page into its 16 cells.
//
//export miletus_pack
func miletus_pack(kind C.int64_t, fields, cells unsafe.Pointer) *C.char {
	return guard(func() error {
		p, err := getPacking()
		if err != nil {
			return err
		}
		packed, err := p.Pack(int(kind), (*[tree.Fields]int64)(fields))
		if err != nil {
			return err
		}
		for i := range packed {
			writeElement(unsafe.Add(cells, 32*i), &packed[i])
		}
		return nil
	})
}

// flatten lists a proof's siblings in their order.
func flatten(proof *tree.Proof) []*fr.Element {
	list := make([]*fr.Element, 0, tree.Depth*7)
	for level := range proof {
		for j := range proof[level] {
			list = append(list, &proof[level][j])
		}
	}
	return list
}
