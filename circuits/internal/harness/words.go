package harness

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/signatures"
	"miletus/native/segments"
)

const wordBytes = segments.Size

var bindData = segments.BindData

// splitWords reads each word as an element.
func splitWords(raw []byte) (elements []fr.Element) {
	for ; len(raw) >= wordBytes; raw = raw[wordBytes:] {
		var e fr.Element
		elements = append(elements, *e.SetBytes(raw[:wordBytes]))
	}
	return elements
}

// SignatureRow makes a row of a message, a key of 64 bytes and a signature of 64 bytes.
func SignatureRow(message fr.Element, key, signature [64]byte) signatures.Row {
	read := func(raw []byte) fr.Element {
		var e fr.Element
		return *e.SetBytes(raw)
	}
	return signatures.Row{
		Message: message, KeyX: read(key[:32]), KeyY: read(key[32:]),
		RWord: read(signature[:31]), SWord: read(signature[32:63]), RByte: signature[31], SByte: signature[63],
		Count: 1,
	}
}
