package edge

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
)

// Public is what a proof says to L1, in the order of its public inputs (spec 11).
type Public struct {
	RootBefore  frontend.Variable `gnark:",public"`
	RootAfter   frontend.Variable `gnark:",public"`
	OutboxAfter frontend.Variable `gnark:",public"`
	Hash        frontend.Variable `gnark:",public"`
	Point       frontend.Variable `gnark:",public"`
	Value       frontend.Variable `gnark:",public"`
	Place       frontend.Variable `gnark:",public"`
	Times       frontend.Variable `gnark:",public"`
	Domain      frontend.Variable `gnark:",public"`
	Payee       frontend.Variable `gnark:",public"`
}

// Place says which part of a segment an edge is.
type Place struct {
	Words, CursorBefore, CursorAfter, Steps int64
	Flags                                   Flags
}

// Flags are the bits of a place.
type Flags struct {
	// Inbox: the segment is the inbox segment.
	Inbox bool
	// Begin: the edge begins its batch.
	Begin bool
	// End: the edge ends at the segment's end.
	End bool
	// Last: the segment is the batch's last.
	Last bool
	// OffChain: the words of signatures are not on L1.
	OffChain bool
	// IdleBefore and IdleAfter: no operation is in progress.
	IdleBefore, IdleAfter bool
}

func (f *Flags) list() []*bool {
	return []*bool{&f.Inbox, &f.Begin, &f.End, &f.Last, &f.OffChain, &f.IdleBefore, &f.IdleAfter}
}

// placeBits are the widths of a place's parts, from the low end.
var placeBits = []int{16, 16, 16, 32, 1, 1, 1, 1, 1, 1, 1}

// timeBoundBits is the width of a time in ms, as in the machine's header; L1 gives none beyond.
const timeBoundBits = 48

// Pack makes the public input of a place.
func (p *Place) Pack() fr.Element {
	parts := []int64{p.Words, p.CursorBefore, p.CursorAfter, p.Steps}
	for _, flag := range p.Flags.list() {
		bit := int64(0)
		if *flag {
			bit = 1
		}
		parts = append(parts, bit)
	}
	sum, offset := new(big.Int), uint(0)
	for i, part := range parts {
		sum.Add(sum, new(big.Int).Lsh(big.NewInt(part), offset))
		offset += uint(placeBits[i])
	}
	return *new(fr.Element).SetBigInt(sum)
}

// PackTimes makes the public input of a batch's times.
func PackTimes(boundMS, floorMS int64) fr.Element {
	sum := new(big.Int).Lsh(big.NewInt(floorMS), 64)
	return *new(fr.Element).SetBigInt(sum.Add(sum, big.NewInt(boundMS)))
}

// cut takes a public input apart; parts are held to their widths, and so the sum is the only one.
func cut(a *integers.Arithmetic, api frontend.API, packed frontend.Variable, parts []frontend.Variable, bits, offsets []int) []integers.Integer {
	var sum frontend.Variable = 0
	numbers := make([]integers.Integer, len(parts))
	for i, part := range parts {
		if bits[i] == 1 {
			numbers[i] = a.Bit(part)
		} else {
			numbers[i] = a.Unsigned(part, bits[i])
		}
		sum = api.Add(sum, api.Mul(part, new(big.Int).Lsh(big.NewInt(1), uint(offsets[i]))))
	}
	api.AssertIsEqual(sum, packed)
	return numbers
}
