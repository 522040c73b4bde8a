package main

// #include <stdint.h>
import "C"

import (
	"unsafe"

	"miletus/native/chain"
)

// Computes what is confirmed of a group: for each item the hash of its words, the running keccak after it and the
// hash of its leaf, 96 bytes; then the levels of the tree over the leaves above the first, 32 bytes a node.
//
//export miletus_confirm
func miletus_confirm(parts unsafe.Pointer, size C.int64_t, counts unsafe.Pointer, items C.int64_t,
	number, timeMs C.uint64_t, running, out unsafe.Pointer) *C.char {
	return guard(func() error {
		before := *(*[chain.Size]byte)(running)
		own := view[int64](counts, items)
		leaves, err := chain.Extend(view[byte](parts, size), own, uint64(number), uint64(timeMs), before)
		if err != nil {
			return err
		}
		hashes := make([][chain.Size]byte, len(leaves))
		place := 0
		put := func(hash [chain.Size]byte) {
			copy(view[byte](unsafe.Add(out, place), chain.Size), hash[:])
			place += chain.Size
		}
		for i, leaf := range leaves {
			hashes[i] = leaf.Hash
			put(leaf.WordsHash)
			put(leaf.Running)
			put(leaf.Hash)
		}
		for _, level := range chain.Levels(hashes)[1:] {
			for _, hash := range level {
				put(hash)
			}
		}
		return nil
	})
}
