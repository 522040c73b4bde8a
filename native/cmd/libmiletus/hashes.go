package main

// #include <stdint.h>
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
	"miletus/native/segments"
)

// readElements takes at most `limit` elements of 32 bytes.
func readElements(pointer unsafe.Pointer, count C.int64_t, limit int) ([]fr.Element, error) {
	if int(count) > limit {
		return nil, fmt.Errorf("%d elements to hash, at most %d", count, limit)
	}
	raw := view[byte](pointer, count*32)
	elements := make([]fr.Element, count)
	for i := range elements {
		var err error
		if elements[i], err = readElement(raw[32*i : 32*i+32]); err != nil {
			return nil, err
		}
	}
	return elements, nil
}

//export miletus_hash7
func miletus_hash7(tag C.uint64_t, elements unsafe.Pointer, count C.int64_t, out unsafe.Pointer) *C.char {
	return guard(func() error {
		values, err := readElements(elements, count, 7)
		if err != nil {
			return err
		}
		hash := poseidon.Hash7(uint64(tag), values...)
		writeElement(out, &hash)
		return nil
	})
}

//export miletus_hash15
func miletus_hash15(tag C.uint64_t, elements unsafe.Pointer, count C.int64_t, out unsafe.Pointer) *C.char {
	return guard(func() error {
		values, err := readElements(elements, count, 15)
		if err != nil {
			return err
		}
		hash := poseidon.Hash15(uint64(tag), values...)
		writeElement(out, &hash)
		return nil
	})
}

//export miletus_keccak
func miletus_keccak(data unsafe.Pointer, size C.int64_t, out unsafe.Pointer) *C.char {
	return guard(func() error {
		digest := segments.Keccak(view[byte](data, size))
		copy(view[byte](out, 32), digest[:])
		return nil
	})
}

// Writes the keccak, h, z and y: 128 bytes.
//
//export miletus_bind_data
func miletus_bind_data(data unsafe.Pointer, size C.int64_t, out unsafe.Pointer) *C.char {
	return guard(func() error {
		digest, h, z, y, err := segments.BindData(view[byte](data, size))
		if err != nil {
			return err
		}
		copy(view[byte](out, 32), digest[:])
		for i, e := range []*fr.Element{&h, &z, &y} {
			writeElement(unsafe.Add(out, 32*(i+1)), e)
		}
		return nil
	})
}

// Takes `count` receipts of 4 integers into the accumulator, in place; at low priority if it is patient.
//
//export miletus_absorb_receipts
func miletus_absorb_receipts(patient C.int32_t, accumulator, receipts unsafe.Pointer, count C.int64_t) *C.char {
	return guard(func() error {
		before, err := readElement(view[byte](accumulator, 32))
		if err != nil {
			return err
		}
		var after fr.Element
		absorb := func() { after, err = segments.AbsorbReceipts(before, view[int64](receipts, 4*count)) }
		if patient != 0 {
			runPatiently(absorb)
		} else {
			absorb()
		}
		if err != nil {
			return err
		}
		writeElement(accumulator, &after)
		return nil
	})
}
