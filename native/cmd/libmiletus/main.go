// Command libmiletus is the shared library that src/miletus/native calls. Each export takes and fills plain
// memory of the caller, keeps none of it after its return, and returns NULL, or a message to be freed by miletus_free: no panic
// and no bad input may end the process that has loaded it. Field elements are 32 big-endian bytes.
package main

// #include <stdint.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/parallel"
)

// abi changes with the exports, so that Python can tell a library that is older than itself.
const abi = 2

func main() {}

// spare is how many calls get on at once while a long one has all cores.
const spare = 3

func init() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spare)
		parallel.Spare = spare
	}
}

//export miletus_abi
func miletus_abi() C.int32_t { return abi }

//export miletus_free
func miletus_free(message *C.char) { C.free(unsafe.Pointer(message)) }

// guard runs the body of an export and makes its error or panic a message.
func guard(body func() error) (message *C.char) {
	defer func() {
		if cause := recover(); cause != nil {
			message = C.CString(fmt.Sprintf("internal error in libmiletus: %v", cause))
		}
	}()
	if err := body(); err != nil {
		return C.CString(err.Error())
	}
	return nil
}

// view looks at the caller's memory as a slice.
func view[T any](pointer unsafe.Pointer, count C.int64_t) []T {
	if count <= 0 {
		return nil
	}
	return unsafe.Slice((*T)(pointer), int(count))
}

// readElement takes a canonical field element.
func readElement(raw []byte) (e fr.Element, err error) {
	if e.SetBytesCanonical(raw) != nil {
		return e, fmt.Errorf("0x%x is not below the field's modulus", raw)
	}
	return e, nil
}

func writeElement(to unsafe.Pointer, e *fr.Element) {
	raw := e.Bytes()
	copy(view[byte](to, 32), raw[:])
}
