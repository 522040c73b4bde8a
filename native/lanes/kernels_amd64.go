//go:build cgo

package lanes

// #cgo CFLAGS: -O3 -mavx512f -mavx512dq -mavx512ifma
// #include "kernels.h"
import "C"

import (
	"unsafe"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"golang.org/x/sys/cpu"
)

// Available tells if the processor, and the system on it, can do this. Tests turn it off to see the other way.
var Available = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512IFMA

func words(e *fr.Element) *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(e)) }

func (c Constants) words() *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(&c[0])) }

// Permute8 permutes states of width 8 in place.
func Permute8(states [][8]fr.Element, constants Constants) {
	padded := pad(states)
	C.lanes_permute8(words(&padded[0][0]), C.int64_t(len(padded)/Lanes), constants.words())
	copy(states, padded) // onto themselves where nothing was padded
}

// PermuteOne permutes one state of width 8 in place.
func PermuteOne(state *[8]fr.Element, constants Constants) {
	C.lanes_permute_one(words(&state[0]), constants.words())
}

// Permute16 permutes states of width 16 in place.
func Permute16(states [][16]fr.Element, constants Constants) {
	padded := pad(states)
	C.lanes_permute16(words(&padded[0][0]), C.int64_t(len(padded)/Lanes), constants.words())
	copy(states, padded) // onto themselves where nothing was padded
}

// Power raises elements to one power, whose digits of 4 bits are given, the highest first.
func Power(elements []fr.Element, digits []byte) {
	padded := pad(elements)
	C.lanes_power(words(&padded[0]), C.int64_t(len(padded)/Lanes), (*C.uint8_t)(&digits[0]), C.int64_t(len(digits)))
	copy(elements, padded)
}

// Verify tells of each claim if it holds.
func Verify(claims []Claim) []bool {
	padded := pad(claims)
	base, twiceD := getTables()
	valid := make([]bool, len(padded))
	C.lanes_verify((*C.struct_lanes_claim)(unsafe.Pointer(&padded[0])), C.int64_t(len(padded)/Lanes),
		(*C.uint64_t)(&base[0][0][0]), (*C.uint64_t)(&twiceD[0]), (*C.uint8_t)(unsafe.Pointer(&valid[0])))
	return valid[:len(claims)]
}

// pad gives whole blocks: the items themselves where they are, else a copy with zeros behind.
func pad[T any](items []T) []T {
	if len(items)%Lanes == 0 {
		return items
	}
	padded := make([]T, roundUp(len(items))*Lanes)
	copy(padded, items)
	return padded
}
