//go:build !cgo || !amd64

package lanes

import "github.com/consensys/gnark-crypto/ecc/bn254/fr"

// Available is false: this build has no kernels.
var Available = false

const absent = "lanes: this build has no kernels"

// Permute8 panics.
func Permute8([][8]fr.Element, Constants) { panic(absent) }

// PermuteOne panics.
func PermuteOne(*[8]fr.Element, Constants) { panic(absent) }

// Permute16 panics.
func Permute16([][16]fr.Element, Constants) { panic(absent) }

// Power panics.
func Power([]fr.Element, []byte) { panic(absent) }

// Verify panics.
func Verify([]Claim) []bool { panic(absent) }
