package harness

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/bus"
	"miletus/circuits/edge"
	"miletus/native/poseidon"
	"miletus/native/segments"
	table "miletus/native/words"
)

// Runner stands before segment i of a vector, in the state that the segments before left: `before` ran the last of
// them, nil if i is the first.
func (v *Vector) Runner(t testing.TB, size *edge.Size, i int, before *edge.Runner) *edge.Runner {
	t.Helper()
	segment := v.segment(t, i, v.Words(t, i))
	if before != nil {
		return edge.NewRunner(size, segment, before.Tree, before.World.Pages, false)
	}
	return edge.NewRunner(size, segment, Tree(t, v.PagesBefore), v.pages(t), false)
}

// OffChain stands before the vector's first segment as it is where the words of signatures are not on L1: without
// them (spec 11-R08).
func (v *Vector) OffChain(t testing.TB, size *edge.Size) *edge.Runner {
	t.Helper()
	raw := v.Words(t, 0)
	source := table.Sequenced
	if v.Segments[0].Source == "inbox" {
		source = table.Inbox
	}
	records, err := table.Decode(source, raw)
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	signatures := map[int64][2]fr.Element{}
	for i := range records {
		first, count := records[i][table.RFirstWord], records[i][table.RWords]
		own := raw[first*segments.Size : (first+count)*segments.Size]
		if hasSignature(records[i][table.RKind], count) {
			at := len(own) - 2*segments.Size
			pair := splitWords(own[at:])
			signatures[int64(len(kept)/segments.Size)] = [2]fr.Element{pair[0], pair[1]}
			own = own[:at]
		}
		kept = append(kept, own...)
	}
	segment := v.segment(t, 0, kept)
	segment.OffChain, segment.Signatures = true, signatures
	return edge.NewRunner(size, segment, Tree(t, v.PagesBefore), v.pages(t), false)
}

// hasSignature tells if an operation of a kind and so many words ends in those of a signature.
func hasSignature(kind, count int64) bool {
	for i := range table.Table {
		if o := &table.Table[i]; int64(o.Kind) == kind {
			return o.Signature && int64(o.Words) == count
		}
	}
	return false
}

// segment is segment i of the vector, of these words.
func (v *Vector) segment(t testing.TB, i int, words []byte) *edge.Segment {
	t.Helper()
	_, h, z, y, err := segments.BindData(words)
	if err != nil {
		t.Fatal(err)
	}
	rollup, _ := new(big.Int).SetString(v.Rollup, 0)
	return &edge.Segment{
		Words: splitWords(words), Inbox: v.Segments[i].Source == "inbox", TimeBoundMS: v.TimeBoundMS, Hash: h, Point: z, Value: y,
		Domain: poseidon.Hash7(poseidon.TagMessage, fr.NewElement(v.ChainID), *new(fr.Element).SetBigInt(rollup)),
		Payee:  fr.NewElement(0x1234),
	}
}

// pages are the vector's pages before it.
func (v *Vector) pages(t testing.TB) map[int64]edge.Page {
	pages := map[int64]edge.Page{}
	for text, page := range v.PagesBefore {
		number := PageNumber(t, text)
		pages[number] = Cells(t, number, page)
	}
	return pages
}

// Without gives a bus that leaves out what the named functions and sums assert, named as for Compile.
func Without(b bus.Bus, off ...string) bus.Bus {
	return &filteredBus{b, &filteredAPI{b.API(), off}, off}
}
