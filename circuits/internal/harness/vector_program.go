package harness

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/chunk"
	"miletus/circuits/layout"
	"miletus/circuits/tree"
	"miletus/native/poseidon"
	"miletus/native/signature"
	table "miletus/native/words"
)

// Fits tells if the vector's last segment and all its pages fit a program.
func (v *Vector) Fits(size *chunk.Size) bool {
	last := v.Segments[len(v.Segments)-1]
	return len(v.PagesChanged) <= size.Pages && len(v.Segments) == 1 && len(last.Words) <= size.Words &&
		len(last.Receipts)+size.Signatures <= size.Hashes
}

// touched lists the pages of a vector, changed ones first, and the others if there is room for all.
func (v *Vector) touched(t testing.TB, room int) (touched []tree.Touched) {
	var unchanged []tree.Touched
	for text, page := range v.PagesChanged {
		number := PageNumber(t, text)
		touched = append(touched, tree.Touched{
			Number: number, Before: Cells(t, number, v.PagesBefore[text]), After: Cells(t, number, page),
		})
	}
	for text, page := range v.PagesBefore {
		if _, changed := v.PagesChanged[text]; !changed {
			number := PageNumber(t, text)
			cells := Cells(t, number, page)
			unchanged = append(unchanged, tree.Touched{Number: number, Before: cells, After: cells})
		}
	}
	if len(touched)+len(unchanged) > room {
		return touched
	}
	return append(touched, unchanged...)
}

// Program makes the program that proves a vector's change of state and looks up all its words, all its receipts,
// and as many of its signatures as there is room for.
func (v *Vector) Program(t testing.TB, size *chunk.Size, uses Uses) *Program {
	t.Helper()
	p := NewProgram(size, uses)
	before := Tree(t, v.PagesBefore)
	if expected := Root(t, v.RootBefore); before.Root() != expected {
		t.Fatalf("%s: the tree of the pages before has another root", v.Name)
	}
	touched := v.touched(t, size.Pages+size.ReadPages)
	p.Touch(touched, size.TupleCells)
	after, err := p.SetTree(before, touched, size)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	if expected := Root(t, v.Segments[0].RootAfter); after != expected {
		t.Fatalf("%s: the rows lead to another root", v.Name)
	}
	raw := v.Words(t, 0)
	if err := p.SetWords(raw); err != nil {
		t.Fatal(err)
	}
	for i, word := range splitWords(raw) {
		p.Words[i] = WordUse{Enabled: 1, Index: i, Word: word}
		p.Tables.Segment.Counts[i] = 1
	}
	next := v.setReceipts(t, p)
	v.setSignatures(t, p, raw, next)
	return p
}

// setHash adds a row and its lookup.
func (p *Program) setHash(i int, tag uint64, elements ...fr.Element) fr.Element {
	out := poseidon.Hash7(tag, elements...)
	row, use := &p.Tables.Hashes[i], &p.Hashes[i]
	row.Tag, row.Count = tag, 1
	for j, e := range elements {
		row.Elements[j] = e
	}
	*use = HashUse{Enabled: 1, Tag: tag, Out: out, Elements: row.Elements}
	return out
}

// setReceipts leads the events accumulator from the state before to what the vector says.
func (v *Vector) setReceipts(t testing.TB, p *Program) (next int) {
	machine := readFields(t, v.PagesBefore[strconv.Itoa(layout.MachineRegion)])
	accumulator := readLimbs(machine[layout.Events:])
	for _, receipt := range v.Segments[0].Receipts {
		elements := []fr.Element{accumulator}
		for _, value := range receipt {
			elements = append(elements, *new(fr.Element).SetInt64(value))
		}
		accumulator = p.setHash(next, poseidon.TagReceipt, elements...)
		next++
	}
	expected, ok := new(big.Int).SetString(v.Segments[0].Events, 0)
	if !ok || accumulator != *new(fr.Element).SetBigInt(expected) {
		t.Fatalf("%s: the receipts lead to another accumulator", v.Name)
	}
	return next
}

// setSignatures looks up the first signed operations, under the keys of the state before.
func (v *Vector) setSignatures(t testing.TB, p *Program, raw []byte, next int) {
	source := table.Sequenced
	if v.Segments[0].Source == "inbox" {
		source = table.Inbox
	}
	records, err := table.Decode(source, raw)
	if err != nil {
		t.Fatal(err)
	}
	rollup, _ := new(big.Int).SetString(v.Rollup, 0)
	domain := poseidon.Hash7(poseidon.TagMessage, fr.NewElement(v.ChainID), *new(fr.Element).SetBigInt(rollup))
	row := 0
	for i := range records {
		record := &records[i]
		if record[table.RKind] < table.PlaceOrder || record[table.RKind] > table.Transfer || record[table.RWords] != 3 ||
			row == len(p.Signatures) {
			continue
		}
		own := raw[record[table.RFirstWord]*wordBytes : (record[table.RFirstWord]+3)*wordBytes]
		payload := *new(fr.Element).SetBytes(own[:29])
		st := signature.Statement{Message: p.setHash(next, poseidon.TagMessage, domain, payload)}
		st.Key = v.key(t, record[table.RAccount], record[table.RKey])
		copy(st.Signature[:31], own[wordBytes:])
		copy(st.Signature[32:63], own[2*wordBytes:])
		st.Signature[31], st.Signature[63] = own[29], own[30]
		p.Tables.Signatures[row] = SignatureRow(st.Message, st.Key, st.Signature)
		used := p.Tables.Signatures[row]
		used.Count = 0
		p.Signatures[row] = SignatureUse{Enabled: 1, Valid: asVariable(signature.Verify(&st)), Row: used}
		next++
		row++
	}
}

// key reads a key of the state before.
func (v *Vector) key(t testing.TB, account, slot int64) (key signature.PublicKey) {
	number := big.NewInt(account*layout.AccountPages + layout.AccountKeys).String()
	fields := readFields(t, v.PagesBefore[number])
	at := fields[slot*layout.KeyRecord:]
	x, y := readLimbs(at[layout.KeyX:]), readLimbs(at[layout.KeyY:])
	xs, ys := x.Bytes(), y.Bytes()
	copy(key[:32], xs[:])
	copy(key[32:], ys[:])
	return key
}

// readLimbs reads an element of 5 limbs.
func readLimbs(fields []int64) fr.Element {
	value := new(big.Int)
	for i := layout.Limbs - 1; i >= 0; i-- {
		value.Lsh(value, layout.LimbBits).Add(value, big.NewInt(fields[i]))
	}
	return *new(fr.Element).SetBigInt(value)
}

func asVariable(v bool) frontend.Variable {
	if v {
		return 1
	}
	return 0
}
