package main

// #include <stdint.h>
import "C"

import (
	"unsafe"

	"miletus/native/segments"
	"miletus/native/signature"
)

// Makes a key of a seed of 32 bytes: 128 bytes, of which the last 64 are the public x and y.
//
//export miletus_derive
func miletus_derive(seed, out unsafe.Pointer) *C.char {
	return guard(func() error {
		key, err := signature.DeriveKey((*[32]byte)(seed))
		if err != nil {
			return err
		}
		*(*[signature.PrivateKeySize]byte)(out) = key.Bytes()
		return nil
	})
}

// Signs a message of 32 bytes with a key of 128; the signature has 64.
//
//export miletus_sign
func miletus_sign(private, message, out unsafe.Pointer) *C.char {
	return guard(func() error {
		key, err := signature.ReadPrivateKey((*[signature.PrivateKeySize]byte)(private))
		if err != nil {
			return err
		}
		m, err := readElement(view[byte](message, 32))
		if err != nil {
			return err
		}
		*(*signature.Signature)(out) = key.Sign(&m)
		return nil
	})
}

// Verifies `count` signatures: keys of 64 bytes, messages of 32, signatures of 64; a flag each.
//
//export miletus_verify_many
func miletus_verify_many(count C.int64_t, publics, messages, signatures, flags unsafe.Pointer) *C.char {
	return guard(func() error {
		statements := make([]signature.Statement, count)
		canonical := make([]bool, count)
		public, message, signed := view[byte](publics, 64*count), view[byte](messages, 32*count), view[byte](signatures, 64*count)
		for i := range statements {
			m, err := readElement(message[32*i : 32*i+32])
			canonical[i] = err == nil
			statements[i] = signature.Statement{
				Key:       signature.PublicKey(public[64*i : 64*i+64]),
				Message:   m,
				Signature: signature.Signature(signed[64*i : 64*i+64]),
			}
		}
		var valid []bool
		if count == 1 {
			valid = []bool{signature.Verify(&statements[0])}
		} else {
			valid = signature.VerifyMany(statements)
		}
		writeFlags(view[byte](flags, count), valid, canonical)
		return nil
	})
}

// Verifies `count` signed operations of a segment: `operations` holds 3 integers each, first word, words and the
// address of the key in `cells`; a flag each.
//
//export miletus_verify_operations
func miletus_verify_operations(
	domain, data unsafe.Pointer, size C.int64_t, cells unsafe.Pointer, cellCount C.int64_t,
	operations unsafe.Pointer, count C.int64_t, flags unsafe.Pointer,
) *C.char {
	return guard(func() error {
		d, err := readElement(view[byte](domain, 32))
		if err != nil {
			return err
		}
		valid, err := segments.VerifyOperations(
			&d, view[byte](data, size), view[int64](cells, cellCount), view[segments.Operation](operations, count))
		if err != nil {
			return err
		}
		writeFlags(view[byte](flags, count), valid, valid)
		return nil
	})
}

func writeFlags(flags []byte, valid, canonical []bool) {
	for i := range flags {
		flags[i] = 0
		if valid[i] && canonical[i] {
			flags[i] = 1
		}
	}
}
