package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// JournalShape is the record of a fill of a fill-or-kill order.
var JournalShape = Shape{layout.KindJournal, 0, 1}

// fillsBits is the width of the count of an order's fills; a fill's number has one less.
const fillsBits = 7

// openJournal opens the record of a fill, by its number.
func (s *Step) openJournal(enabled, fill Integer) *Record {
	page, place := s.CutNumber(fill, 3)
	tuple, choice := s.CutNumber(place, 2)
	return s.Open(enabled, JournalShape, s.Add(MachinePage(layout.MachineJournal), page), tuple, s.OneHot(choice, TupleCells)...)
}

// writeJournal keeps a fill that may have to be undone, with what its maker's order was before it.
func (s *Step) writeJournal(bit Integer, h *head, lots, fee Integer) {
	j := s.openJournal(bit, s.Fills)
	j.SetIf(bit, layout.JournalOrder, s.Add(h.name, integers.Constant(1)))
	j.SetNarrow(bit, layout.JournalLots, lots)
	j.SetIf(bit, layout.JournalPrice, h.price)
	// at most 2^24 lots of 2^28 ticks, times 500 / 10^6
	j.SetNarrow(bit, layout.JournalFee, fee)
	j.SetIf(bit, layout.JournalTerms, h.terms)
	j.SetIf(bit, layout.JournalFilled, h.filled)
	j.SetIf(bit, layout.JournalWhole, s.IsEqual(h.left, lots))
	j.Close()
}

// startUndo begins to take the fills of a fill-or-kill order back, where the bit is 1 (04-R15).
func (s *Step) startUndo(bit Integer) {
	s.Reason = s.Select(bit, integers.Constant(machine.ReasonNotFilled), s.Reason)
	next := s.Select(s.IsZero(s.Fills), integers.Constant(machine.PhaseDone), integers.Constant(machine.PhaseUndo))
	s.Phase = s.Select(bit, next, s.Phase)
}

// startPublish begins to wipe the journal of fills that stand, where the bit is 1.
func (s *Step) startPublish(bit Integer) {
	s.Count = s.Select(bit, integers.Constant(0), s.Count)
	next := s.Select(s.IsZero(s.Fills), integers.Constant(machine.PhaseDone), integers.Constant(machine.PhasePublish))
	s.Phase = s.Select(bit, next, s.Phase)
}

// definePublish is PUBLISH: wipe the record of one fill.
func definePublish(s *Step) {
	one := integers.Constant(1)
	j := s.openJournal(one, s.Count)
	j.Clear(one)
	j.Close()
	s.Count = s.narrow(s.Add(s.Count, one), fillsBits)
	last := s.IsEqual(s.Count, s.Fills)
	s.Phase = s.Select(last, integers.Constant(machine.PhaseDone), integers.Constant(machine.PhasePublish))
}

// defineUndo is UNDO: take the last fill back (04-R15).
func defineUndo(s *Step) {
	one := s.Enabled
	s.Fills = s.narrow(s.Sub(s.Fills, one), fillsBits)
	j := s.openJournal(one, s.Fills)
	name, _ := s.nameOf(j.Get(layout.JournalOrder))
	lots, price, fee := j.Get(layout.JournalLots), j.Get(layout.JournalPrice), j.Get(layout.JournalFee)
	terms, filled, whole := j.Get(layout.JournalTerms), j.Get(layout.JournalFilled), j.Get(layout.JournalWhole)
	j.Clear(one)
	j.Close()
	account, slot := s.CutNumber(name, machine.SlotBits)
	instrument := s.narrow(s.Instrument, instrumentBits)
	t, _ := s.ReadTraded(one, instrument, s.ReadMarket(one))
	dq := s.towards(s.Side, lots)
	taker, maker := s.OpenHolder(one, s.Account, t), s.OpenHolder(one, account, t)
	taker.Try(s.Neg(dq), price, s.Neg(fee))
	maker.Try(dq, price, s.Mul(whole, integers.Constant(machine.RestLockMicros)))
	book := s.OpenBook(one, instrument)
	s.moveOpenInterest(one, book, taker, maker)
	s.countSlot(maker.Header, whole, slot, 1)
	following := s.headOf(book, s.Not(s.Side))
	s.setHead(book, whole, s.Not(s.Side), s.Add(name, one))
	book.Close()
	s.moveLock(maker.Header, whole, integers.Constant(0), 1)
	taker.Apply(one)
	maker.Apply(one)
	s.payFee(one, s.Neg(fee))
	s.restoreOrder(name, &restored{lots: lots, price: price, terms: terms, filled: filled, whole: whole, following: following})
	s.Left = s.narrow(s.Add(s.Left, lots), layout.Registers[layout.RegisterLeft].Bits)
	s.Filled = s.narrow(s.Sub(s.Filled, lots), layout.Registers[layout.RegisterFilled].Bits)
	s.Notional = s.narrow(s.Sub(s.Notional, s.Mul(lots, price)), layout.Registers[layout.RegisterNotional].Bits)
	last := s.IsZero(s.Fills)
	s.Phase = s.Select(last, integers.Constant(machine.PhaseDone), integers.Constant(machine.PhaseUndo))
}

// restored is what an order gets back.
type restored struct{ lots, price, terms, filled, whole, following Integer }

// restoreOrder gives a maker's order back what was filled of it. One that was filled up comes to the head of its
// side again; one that was evicted after the fill stays away.
func (s *Step) restoreOrder(name Integer, r *restored) {
	one := integers.Constant(1)
	order := s.OpenNamed(one, name)
	book := s.Add(s.Mul(s.Instrument, integers.Constant(2)), s.Add(s.Not(s.Side), one))
	stays := s.Or(r.whole, s.Not(s.IsZero(order.Get(layout.OrderBook))))
	order.SetNarrow(r.whole, layout.OrderBook, book)
	order.SetIf(r.whole, layout.OrderPrice, r.price)
	order.SetIf(r.whole, layout.OrderTerms, r.terms)
	order.SetIf(r.whole, layout.OrderPrevious, integers.Constant(0))
	order.SetIf(r.whole, layout.OrderNext, r.following)
	order.SetNarrow(stays, layout.OrderLeft, s.Add(order.Get(layout.OrderLeft), r.lots))
	order.SetIf(stays, layout.OrderFilled, r.filled)
	order.Close()
	behind, exists := s.nameOf(r.following)
	next := s.OpenNamed(s.And(r.whole, exists), behind)
	next.SetNarrow(r.whole, layout.OrderPrevious, s.Add(name, one))
	next.Close()
}
