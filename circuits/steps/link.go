package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineLink carries out what REST allowed: the order goes behind the last one whose price is its own or better
// (04-R13, 04-R16). Which that is the witness says, and the two neighbours prove.
func defineLink(s *Step) {
	one := integers.Constant(1)
	name := s.Name()
	link := s.Add(name, one)
	previous := s.Neighbour(one, s.Instrument, s.Side, s.Price, linkBits)
	following := s.linkBehind(previous, link)
	s.linkBefore(following, link)
	account, slot := s.Account, s.Slot8()
	s.fillSlot(account, slot, previous, following)
	header := s.OpenHeader(one, account)
	s.countSlot(header, one, slot, 1)
	s.moveLock(header, one, one, 1)
	header.Close()
	s.Phase = integers.Constant(machine.PhaseDone)
}

// book is the number of the side of the book of the order in progress: 1 + 2 x instrument + side.
func (s *Step) book() Integer {
	return s.Add(s.Add(s.Mul(s.Instrument, integers.Constant(2)), s.Side), integers.Constant(1))
}

// linkBehind links the new order behind `previous`, which has to rest in the same side of the same book at a price
// as good, or makes it the head if there is none. It gives what followed.
func (s *Step) linkBehind(previous, link Integer) (following Integer) {
	before, exists := s.OpenLinked(previous)
	isThere := s.IsEqual(before.Get(layout.OrderBook), s.book())
	isAsGood := s.IsAtMost(s.towards(s.Side, s.Price), s.towards(s.Side, before.Get(layout.OrderPrice)))
	s.Require(s.Or(s.Not(exists), s.And(isThere, isAsGood)))
	next := before.Get(layout.OrderNext)
	before.SetIf(exists, layout.OrderNext, link)
	before.Close()
	first := s.Not(exists)
	page := s.OpenBook(first, s.Instrument)
	head := s.headOf(page, s.Side)
	s.setHead(page, first, s.Side, link)
	page.Close()
	return s.Select(exists, next, head)
}

// linkBefore links the new order before `following`, whose price has to be worse.
func (s *Step) linkBefore(following, link Integer) {
	after, exists := s.OpenLinked(following)
	isWorse := s.IsLess(s.towards(s.Side, after.Get(layout.OrderPrice)), s.towards(s.Side, s.Price))
	s.Require(s.Or(s.Not(exists), isWorse))
	after.SetIf(exists, layout.OrderPrevious, link)
	after.Close()
}

// fillSlot writes the order into its slot. What rests passed the checks of its price and size, and its size is left,
// filled and prior together: all are within the widths of a record.
func (s *Step) fillSlot(account, slot, previous, following Integer) {
	one := integers.Constant(1)
	order := s.OpenOrder(one, account, slot)
	order.SetNarrow(one, layout.OrderBook, s.book())
	order.SetNarrow(one, layout.OrderPrice, s.Price)
	order.SetNarrow(one, layout.OrderLeft, s.Left)
	order.SetNarrow(one, layout.OrderFilled, s.Add(s.Prior, s.Filled))
	order.Set(layout.OrderGeneration, s.Generation)
	order.SetNarrow(one, layout.OrderTerms, s.Add(s.Mul(s.ExpiryS, integers.Constant(4)), s.Terms))
	order.Set(layout.OrderPrevious, previous)
	order.Set(layout.OrderNext, following)
	order.Close()
}
