package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// OrderShape is the record of an order.
var OrderShape = Shape{layout.KindOrders, 0, 2}

// Widths of an order's name, account x 256 + slot, and of a link, 1 + name.
const (
	nameBits = accountBits + machine.SlotBits
	linkBits = nameBits + 1
)

// OpenOrder opens an order slot of an account; the slot has 8 bits.
func (s *Step) OpenOrder(enabled, account, slot Integer) *Record {
	group, place := s.CutNumber(slot, 3)
	tuple, half := s.CutNumber(place, 1)
	page := s.Add(s.AccountPage(account, layout.AccountOrders), s.Mul(group, integers.Constant(layout.AccountGroup)))
	return s.Open(enabled, OrderShape, page, tuple, s.OneHot(half, 2)...)
}

// OpenNamed opens the order named account x 256 + slot.
func (s *Step) OpenNamed(enabled, name Integer) *Record {
	account, slot := s.CutNumber(name, machine.SlotBits)
	return s.OpenOrder(enabled, account, slot)
}

// OpenLinked opens the order that a link is to, if it is to one: `exists` is then 1. A link that no order has,
// above 2^26, can't be proved.
func (s *Step) OpenLinked(link Integer) (order *Record, exists Integer) {
	name, exists := s.nameOf(link)
	return s.OpenNamed(exists, name), exists
}

// nameOf is the name that a link, 1 + name, is to; 0 and 0 where it is to none.
func (s *Step) nameOf(link Integer) (name, exists Integer) {
	exists = s.Not(s.IsZero(link))
	return s.narrow(s.Sub(link, exists), nameBits), exists
}

// Name is the name of the order in progress. Where an operation has an order, its slot has 8 bits.
func (s *Step) Name() Integer {
	return s.narrow(s.Add(s.Mul(s.Account, integers.Constant(machine.Slots)), s.Slot), nameBits)
}

// bookOf takes the number of a side of a book, 1 + 2 x instrument + side, apart; -1 and 1 of 0.
func (s *Step) bookOf(book Integer) (instrument, side Integer) {
	high, odd := s.CutNumber(book, 1)
	side = s.Not(odd)
	return s.Sub(high, side), side
}

// Crosses is 1 where a head at `price` is within the limit of the order in progress.
func (s *Step) Crosses(price Integer) Integer {
	return s.IsAtMost(s.towards(s.Side, price), s.towards(s.Side, s.Price)) // better for him is what he would rest at
}

// towards is x for a buy, less x for a sell: lots as they change the position of who trades them, and prices so that
// a higher one is better for who rests on this side.
func (s *Step) towards(side, price Integer) Integer {
	return s.Select(side, s.Neg(price), price)
}

// OrdersPage is the number of an account's page of orders, by eights of slots.
func OrdersPage(account, group int64) int64 {
	return account*layout.AccountPages + layout.AccountOrders + group*layout.AccountGroup
}
