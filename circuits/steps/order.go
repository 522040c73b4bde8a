package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// OrderShape is the record of an order.
var OrderShape = Shape{layout.KindOrders, 0, 2}

// OpenOrder opens an order slot of an account; the slot has 8 bits.
func (s *Step) OpenOrder(enabled, account, slot Integer) *Record {
	group, place := s.CutNumber(slot, 3)
	tuple, half := s.CutNumber(place, 1)
	page := s.Add(s.AccountPage(account, layout.AccountOrders), s.Mul(group, integers.Constant(layout.AccountGroup)))
	return s.Open(enabled, OrderShape, page, tuple, s.OneHot(half, 2)...)
}

// OpenNamed opens the order named account x 256 + slot.
func (s *Step) OpenNamed(enabled, name Integer) *Record {
	account, slot := s.CutNumber(name, 8)
	return s.OpenOrder(enabled, account, slot)
}

// OrdersPage is the number of an account's page of orders, by eights of slots.
func OrdersPage(account, group int64) int64 {
	return account*layout.AccountPages + layout.AccountOrders + group*layout.AccountGroup
}
