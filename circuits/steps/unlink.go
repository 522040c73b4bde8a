package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineUnlink is UNLINK: take one order out of its book; its slot keeps the generation, and an eviction forfeits
// the lock (04-R17).
func defineUnlink(s *Step) {
	account, slot := s.CutNumber(s.Target, machine.SlotBits)
	book, previous, following := s.emptySlot(account, slot)
	s.closeGap(book, previous, following)
	evicted := s.Or(s.Is(s.Cause, machine.CauseExpired), s.Is(s.Cause, machine.CauseBand),
		s.Is(s.Cause, machine.CauseMargin), s.Is(s.Cause, machine.CauseReduceOnly))
	owner := s.OpenHeader(integers.Constant(1), account)
	s.countSlot(owner, s.Enabled, slot, -1)
	s.moveLock(owner, s.Enabled, s.And(s.Enabled, s.Not(evicted)), -1)
	owner.Close()
	fees := s.OpenHeader(evicted, integers.Constant(machine.FeeAccount))
	fees.SetNarrow(evicted, layout.Cash, s.Add(fees.Get(layout.Cash), integers.Constant(machine.RestLockMicros)))
	fees.Close()
	s.Phase = s.UnlinkBack
}

// emptySlot sets an order to zero but for its generation, and gives where it was.
func (s *Step) emptySlot(account, slot Integer) (book, previous, following Integer) {
	order := s.OpenOrder(integers.Constant(1), account, slot)
	book = order.Get(layout.OrderBook)
	previous, following = order.Get(layout.OrderPrevious), order.Get(layout.OrderNext)
	for _, field := range []int{
		layout.OrderBook, layout.OrderPrice, layout.OrderLeft, layout.OrderFilled, layout.OrderTerms,
		layout.OrderPrevious, layout.OrderNext,
	} {
		order.Set(field, integers.Constant(0))
	}
	order.Close()
	return book, previous, following
}

// closeGap links the neighbours of an order that is gone with each other, or the book's head with the second
// (02-R08). One after the other: they may lie in one tuple.
func (s *Step) closeGap(book, previous, following Integer) {
	before, exists := s.OpenLinked(previous)
	before.SetIf(exists, layout.OrderNext, following)
	before.Close()
	after, exists := s.OpenLinked(following)
	after.SetIf(exists, layout.OrderPrevious, previous)
	after.Close()
	instrument, side := s.bookOf(book)
	first := s.IsZero(previous)
	page := s.OpenBook(first, instrument)
	s.setHead(page, first, side, following)
	page.Close()
}
