package edge

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/evaluate"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
	"miletus/circuits/tree"
	"miletus/native/poseidon"
	"miletus/native/signature"
)

// tuplesOfPage is the number of tuples of a page.
const tuplesOfPage = tree.Cells / steps.TupleCells

// Page is the cells of a page.
type Page [tree.Cells]fr.Element

// World is a state that runs: what steps ask for and change. It is a steps.Source for one row after another; what
// a step changes counts when the step is kept.
type World struct {
	Pages map[int64]Page
	Words []fr.Element
	// Signatures are the words of signatures that are not on L1, by the place of the operation's first word.
	Signatures map[int64][2]fr.Element

	used    *used // what the edge in progress has used
	pending *used // what the step in progress uses besides
	isOpen  map[int64]bool
}

// used is what some steps have used of the tables.
type used struct {
	before   map[int64]Page  // pages as they were when they were first touched
	pages    map[int64]Page  // pages as they are
	last     map[int64]int64 // time of the last access of each tuple
	words    map[int64]int64
	hashes   map[hashKey]*hashUse
	checks   map[signatureKey]*signatureUse
	sequence int // of hashes and checks, so that their order is that of the steps
}

type hashKey struct {
	tag      uint64
	elements [5]fr.Element
}

type hashUse struct {
	key             hashKey
	out             fr.Element
	count, sequence int
}

type signatureKey [7]fr.Element

type signatureUse struct {
	key             signatureKey
	valid           bool
	count, sequence int
}

func newUsed() *used {
	return &used{
		before: map[int64]Page{}, pages: map[int64]Page{}, last: map[int64]int64{}, words: map[int64]int64{},
		hashes: map[hashKey]*hashUse{}, checks: map[signatureKey]*signatureUse{},
	}
}

// keep takes over what a step used.
func (u *used) keep(step *used) {
	for number, page := range step.before {
		if _, known := u.before[number]; !known {
			u.before[number] = page
		}
	}
	for number, page := range step.pages {
		u.pages[number] = page
	}
	for address, time := range step.last {
		u.last[address] = time
	}
	for index, count := range step.words {
		u.words[index] += count
	}
	for key, use := range step.hashes {
		if known := u.hashes[key]; known != nil {
			known.count += use.count
		} else {
			use.sequence += u.sequence
			u.hashes[key] = use
		}
	}
	for key, use := range step.checks {
		if known := u.checks[key]; known != nil {
			known.count += use.count
		} else {
			use.sequence += u.sequence
			u.checks[key] = use
		}
	}
	u.sequence += step.sequence
}

// page gives a page as it is now, zero if nothing is there.
func (w *World) page(number int64) Page {
	if page, ok := w.pending.pages[number]; ok {
		return page
	}
	if page, ok := w.used.pages[number]; ok {
		return page
	}
	return w.Pages[number]
}

// Open reads a tuple.
func (w *World) Open(enabled, address frontend.Variable) (frontend.Variable, []frontend.Variable) {
	cells := make([]frontend.Variable, steps.TupleCells)
	if evaluate.Int(enabled) == 0 {
		for i := range cells {
			cells[i] = fr.Element{}
		}
		return fr.Element{}, cells
	}
	at := evaluate.Int(address)
	if w.isOpen[at] {
		panic("edge: a tuple is opened that is open")
	}
	w.isOpen[at] = true
	time, ok := w.pending.last[at]
	if !ok {
		time = w.used.last[at]
	}
	number := at / tuplesOfPage
	page := w.page(number)
	if _, known := w.pending.before[number]; !known {
		w.pending.before[number] = page
	}
	for i := range cells {
		cells[i] = page[at%tuplesOfPage*steps.TupleCells+int64(i)]
	}
	return fr.NewElement(uint64(time)), cells
}

// Close writes a tuple.
func (w *World) Close(enabled, address, now frontend.Variable, cells []frontend.Variable) {
	if evaluate.Int(enabled) == 0 {
		return
	}
	at := evaluate.Int(address)
	number := at / tuplesOfPage
	page := w.page(number)
	for i, cell := range cells {
		page[at%tuplesOfPage*steps.TupleCells+int64(i)] = evaluate.Value(cell)
	}
	w.pending.pages[number] = page
	w.pending.last[at] = evaluate.Int(now)
	delete(w.isOpen, at)
}

// Word gives a word of the segment, 0 past its end.
func (w *World) Word(enabled, index frontend.Variable) frontend.Variable {
	at := evaluate.Int(index)
	if evaluate.Int(enabled) == 0 || at >= int64(len(w.Words)) {
		return fr.Element{}
	}
	w.pending.words[at]++
	return w.Words[at]
}

// OffChain gives the words of a signature that are not on L1.
func (w *World) OffChain(enabled, index frontend.Variable) (r, s frontend.Variable) {
	if evaluate.Int(enabled) == 0 {
		return fr.Element{}, fr.Element{}
	}
	words := w.Signatures[evaluate.Int(index)]
	return words[0], words[1]
}

// Hash hashes.
func (w *World) Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable {
	if evaluate.Int(enabled) == 0 {
		return fr.Element{}
	}
	key := hashKey{tag: uint64(evaluate.Int(tag))}
	for i, e := range elements {
		key.elements[i] = evaluate.Value(e)
	}
	use := w.pending.hashes[key]
	if use == nil {
		use = &hashUse{key: key, out: poseidon.Hash7(key.tag, key.elements[:]...), sequence: w.pending.sequence}
		w.pending.hashes[key] = use
		w.pending.sequence++
	}
	use.count++
	return use.out
}

// Signature verifies.
func (w *World) Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable {
	if evaluate.Int(enabled) == 0 {
		return fr.Element{}
	}
	key := signatureKey{
		evaluate.Value(row.Message), evaluate.Value(row.KeyX), evaluate.Value(row.KeyY), evaluate.Value(row.RWord),
		evaluate.Value(row.SWord), evaluate.Value(row.RByte), evaluate.Value(row.SByte),
	}
	use := w.pending.checks[key]
	if use == nil {
		use = &signatureUse{key: key, valid: key.verify(), sequence: w.pending.sequence}
		w.pending.checks[key] = use
		w.pending.sequence++
	}
	use.count++
	if use.valid {
		return fr.One()
	}
	return fr.Element{}
}

// verify checks a signature natively.
func (k *signatureKey) verify() bool {
	statement := signature.Statement{Message: k[0]}
	x, y, r, s := k[1].Bytes(), k[2].Bytes(), k[3].Bytes(), k[4].Bytes()
	copy(statement.Key[:32], x[:])
	copy(statement.Key[32:], y[:])
	copy(statement.Signature[:31], r[1:])
	copy(statement.Signature[32:63], s[1:])
	statement.Signature[31], statement.Signature[63] = byte(k[5].Uint64()), byte(k[6].Uint64())
	return signature.Verify(&statement)
}

// Neighbour walks the orders of a side to the last one whose price is at least as good.
func (w *World) Neighbour(enabled, instrument, side, price frontend.Variable) frontend.Variable {
	if evaluate.Int(enabled) == 0 {
		return fr.Element{}
	}
	book := w.fields(layout.InstrumentRegion + 2*evaluate.Int(instrument) + 1)
	sell, limit := evaluate.Int(side) == 1, evaluate.Int(price)
	head := int64(layout.HeadBid)
	if sell {
		head = layout.HeadAsk
	}
	previous, next := int64(0), book[head]
	for next != 0 {
		order := w.order(next - 1)
		if (sell && order[layout.OrderPrice] > limit) || (!sell && order[layout.OrderPrice] < limit) {
			break
		}
		previous, next = next, order[layout.OrderNext]
	}
	return fr.NewElement(uint64(previous))
}

// order gives the fields of the order named account x 256 + slot.
func (w *World) order(name int64) []int64 {
	account, slot := name/machine.Slots, name%machine.Slots
	fields := w.fields(steps.OrdersPage(account, slot/8))
	return fields[slot%8*layout.OrderRecord:]
}

// fields takes a page apart.
func (w *World) fields(number int64) []int64 {
	fields := make([]int64, layout.Page)
	page := w.page(number)
	kind := layout.PageKind(number)
	for i, slots := range layout.Packing[kind] {
		if layout.CellBits(slots) > 252 {
			continue
		}
		for j, value := range layout.UnpackCell(slots, &page[i]) {
			fields[slots[j].Field] = value
		}
	}
	return fields
}
