package harness

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/native/poseidon"
	"miletus/native/segments"
)

// Runner stands before segment i of a vector, in the state that the segments before left: `before` ran the last of
// them, nil if i is the first.
func (v *Vector) Runner(t testing.TB, size *edge.Size, i int, before *edge.Runner) *edge.Runner {
	t.Helper()
	words := v.Words(t, i)
	_, h, z, y, err := segments.BindData(words)
	if err != nil {
		t.Fatal(err)
	}
	rollup, _ := new(big.Int).SetString(v.Rollup, 0)
	segment := &edge.Segment{
		Inbox: v.Segments[i].Source == "inbox", TimeBoundMS: v.TimeBoundMS, Hash: h, Point: z, Value: y,
		Domain: poseidon.Hash7(poseidon.TagMessage, fr.NewElement(v.ChainID), *new(fr.Element).SetBigInt(rollup)),
		Payee:  fr.NewElement(0x1234),
	}
	for ; len(words) > 0; words = words[segments.Size:] {
		segment.Words = append(segment.Words, *new(fr.Element).SetBytes(words[:segments.Size]))
	}
	if before != nil {
		return edge.NewRunner(size, segment, before.Tree, before.World.Pages, false)
	}
	pages := map[int64]edge.Page{}
	for text, page := range v.PagesBefore {
		number := PageNumber(t, text)
		pages[number] = Cells(t, number, page)
	}
	return edge.NewRunner(size, segment, Tree(t, v.PagesBefore), pages, false)
}

// Without gives a bus that leaves out what the named functions and sums assert, named as for Compile.
func Without(b bus.Bus, off ...string) bus.Bus {
	return &filteredBus{b, &filteredAPI{b.API(), off}, off}
}
