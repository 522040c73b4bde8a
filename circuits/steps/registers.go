package steps

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// Integer is a number whose bounds are known.
type Integer = integers.Integer

// Registers go from step to step: those of the operation in progress, in the order of the registers' page, and the
// machine's header, which therefore no step has to open.
type Registers struct {
	Phase, Account, Slot, Instrument, Side, Price, Left, Size, Prior, Tif, Market, Terms, ExpiryS, Generation Integer
	Heads, Filled, Notional, Fills, Reason, Detail, Kind, Target, Cause, UnlinkBack, Refresh, RefreshBack     Integer
	Underlying, Position, Force, Slow, Amount, To, Mode, Count, Replaced, Named                               Integer

	Header

	// Cursor is how many words of the segment were taken.
	Cursor Integer
}

// Header is the machine's header page.
type Header struct {
	Version, ClockMS, InboxCursor, BatchNumber, OutboxCount, Deposited, Withdrawn Integer
	Signers, Threshold, Underlyings                                               Integer
	// Outbox and Events are the accumulators of spec 10-R07.
	Outbox, Events frontend.Variable
}

// registerCount is the number of registers that belong to an operation.
const registerCount = 36

// cursorBits is the width of Cursor: a segment has at most 1,024 words.
const cursorBits = 11

// operation lists the operation's registers in the order of their page.
func (r *Registers) operation() []*Integer {
	return []*Integer{
		&r.Phase, &r.Account, &r.Slot, &r.Instrument, &r.Side, &r.Price, &r.Left, &r.Size, &r.Prior, &r.Tif, &r.Market,
		&r.Terms, &r.ExpiryS, &r.Generation, &r.Heads, &r.Filled, &r.Notional, &r.Fills, &r.Reason, &r.Detail, &r.Kind,
		&r.Target, &r.Cause, &r.UnlinkBack, &r.Refresh, &r.RefreshBack, &r.Underlying, &r.Position, &r.Force, &r.Slow,
		&r.Amount, &r.To, &r.Mode, &r.Count, &r.Replaced, &r.Named,
	}
}

// numbers lists the header's numbers, each with its field.
func (h *Header) numbers() []headerNumber {
	return []headerNumber{
		{layout.Version, &h.Version}, {layout.ClockMs, &h.ClockMS}, {layout.InboxCursor, &h.InboxCursor},
		{layout.BatchNumber, &h.BatchNumber}, {layout.OutboxCount, &h.OutboxCount}, {layout.Deposited, &h.Deposited},
		{layout.Withdrawn, &h.Withdrawn}, {layout.Signers, &h.Signers}, {layout.Threshold, &h.Threshold},
		{layout.Underlyings, &h.Underlyings},
	}
}

type headerNumber struct {
	field int
	value *Integer
}

// all lists every number that is carried: operation, header, cursor.
func (r *Registers) all() []*Integer {
	list := r.operation()
	for _, n := range r.Header.numbers() {
		list = append(list, n.value)
	}
	return append(list, &r.Cursor)
}

// carriedSlots lists the width of each of all(), in that order.
func carriedSlots() []layout.Slot {
	var list []layout.Slot
	for _, register := range layout.Registers {
		list = append(list, layout.Slot{Bits: register.Bits, Signed: register.Signed})
	}
	var header Header
	for _, n := range header.numbers() {
		list = append(list, findSlot(layout.KindMachine, n.field))
	}
	return append(list, layout.Slot{Bits: cursorBits})
}

// findSlot gives a field's place in the cells of its kind of page.
func findSlot(kind, field int) layout.Slot {
	for _, cell := range layout.Packing[kind] {
		for _, slot := range cell {
			if slot.Field == field {
				return slot
			}
		}
	}
	panic(fmt.Sprintf("steps: pages of kind %d have no field %d", kind, field))
}

// headerBits is the width of a number of the machine's header.
func headerBits(field int) int { return findSlot(layout.KindMachine, field).Bits }

// CarriedCount is the number of elements that go from step to step.
const CarriedCount = registerCount + 10 + 1 + 2

// Known gives carried elements the bounds of their widths: the step before held them.
func Known(values []frontend.Variable) (r Registers) {
	slots := carriedSlots()
	for i, target := range r.all() {
		if slots[i].Signed {
			*target = integers.KnownSigned(values[i], slots[i].Bits)
		} else {
			*target = integers.Known(values[i], slots[i].Bits)
		}
	}
	r.Outbox, r.Events = values[len(slots)], values[len(slots)+1]
	return r
}

// Values lists the carried elements.
func (r *Registers) Values() []frontend.Variable {
	var list []frontend.Variable
	for _, n := range r.all() {
		list = append(list, n.Value)
	}
	return append(list, r.Outbox, r.Events)
}

// check panics if a register may hold more than its width: a mistake of the step.
func (r *Registers) check(step string) {
	slots := carriedSlots()
	for i, n := range r.all() {
		if !n.Fits(slots[i].Bits, slots[i].Signed) {
			panic(fmt.Sprintf("steps: %s leaves a number in [%v, %v] in register %d of %d bits",
				step, n.Low, n.High, i, slots[i].Bits))
		}
	}
}

// ClearOperation sets the operation's registers to zero, as every operation begins.
func (r *Registers) ClearOperation() {
	for _, n := range r.operation() {
		*n = integers.Constant(0)
	}
}

// Begin begins a batch where the bit is 1: its number grows, its outbox is empty.
func (r *Registers) Begin(a *integers.Arithmetic, api frontend.API, begin Integer) {
	r.BatchNumber = a.Unsigned(a.Add(r.BatchNumber, begin).Value, headerBits(layout.BatchNumber))
	r.OutboxCount = a.Select(begin, integers.Constant(0), r.OutboxCount)
	r.Outbox = api.Select(begin.Value, 0, r.Outbox)
}

// NarrowCursor holds the cursor in its width.
func (r *Registers) NarrowCursor(a *integers.Arithmetic) {
	r.Cursor = a.Unsigned(r.Cursor.Value, cursorBits)
}

// LoadOperation takes the operation's registers from the cells of their page.
func (r *Registers) LoadOperation(a *integers.Arithmetic, api frontend.API, cells []frontend.Variable) {
	targets := r.operation()
	load(a, api, layout.KindRegisters, cells, func(field int, value Integer) { *targets[field] = value })
}

// LoadHeader takes the header from the cells of its page.
func (r *Registers) LoadHeader(a *integers.Arithmetic, api frontend.API, cells []frontend.Variable) {
	targets := make(map[int]*Integer)
	for _, n := range r.Header.numbers() {
		targets[n.field] = n.value
	}
	load(a, api, layout.KindMachine, cells, func(field int, value Integer) { *targets[field] = value })
	r.Outbox, r.Events = cells[elementCell(layout.Outbox)], cells[elementCell(layout.Events)]
}

// elementCell finds the cell of the machine's header that is the element which begins with a field.
func elementCell(field int) int {
	for i, cell := range layout.Packing[layout.KindMachine] {
		if cell[0].Field == field {
			return i
		}
	}
	panic("steps: the header has no such element")
}

// load takes cells of numbers apart; cells of one element stay, cells that have no fields are zero.
func load(a *integers.Arithmetic, api frontend.API, kind int, cells []frontend.Variable, set func(int, Integer)) {
	packing := layout.Packing[kind]
	for i, cell := range cells {
		switch {
		case i >= len(packing) || len(packing[i]) == 0:
			api.AssertIsEqual(cell, 0)
		case isElement(packing[i]):
		default:
			for j, value := range layout.Unpack(a, api, packing[i], cell) {
				set(packing[i][j].Field, value)
			}
		}
	}
}

func isElement(slots []layout.Slot) bool {
	return len(slots) == layout.Limbs && slots[0].Bits == layout.LimbBits
}

// StoreOperation makes the cells of the registers' page: all zero when idle.
func (r *Registers) StoreOperation(a *integers.Arithmetic, api frontend.API, idle Integer, count int) []frontend.Variable {
	sources := r.operation()
	cells := store(a, layout.KindRegisters, count, func(field int) Integer { return *sources[field] })
	for i := range cells {
		cells[i] = api.Mul(a.Not(idle).Value, cells[i])
	}
	return cells
}

// StoreHeader makes the cells of the header's page.
func (r *Registers) StoreHeader(a *integers.Arithmetic, count int) []frontend.Variable {
	sources := map[int]Integer{}
	for _, n := range r.Header.numbers() {
		sources[n.field] = *n.value
	}
	cells := store(a, layout.KindMachine, count, func(field int) Integer { return sources[field] })
	cells[elementCell(layout.Outbox)], cells[elementCell(layout.Events)] = r.Outbox, r.Events
	return cells
}

func store(a *integers.Arithmetic, kind, count int, get func(int) Integer) []frontend.Variable {
	cells := make([]frontend.Variable, count)
	packing := layout.Packing[kind]
	for i := range cells {
		cells[i] = 0
		if i >= len(packing) || len(packing[i]) == 0 || isElement(packing[i]) {
			continue
		}
		fields := make([]Integer, len(packing[i]))
		for j, slot := range packing[i] {
			fields[j] = get(slot.Field)
		}
		cells[i] = layout.Pack(a, packing[i], fields).Value
	}
	return cells
}
