package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Widths of a limit price and of the lots of an order that passed the checks of 04-R02 and is no market order.
const (
	gridPriceBits = 28
	lotsBits      = 25
)

// defineRest is the first part of REST: whether its owner could bear the fill of what is left (04-R16). The lock is
// out of his cash before and after the fill that is judged.
func defineRest(s *Step) {
	one, lock := integers.Constant(1), integers.Constant(machine.RestLockMicros)
	price, left := s.narrow(s.Price, gridPriceBits), s.narrow(s.Left, lotsBits)
	t, _ := s.ReadTraded(one, s.narrow(s.Instrument, instrumentBits), s.ReadMarket(one))
	restricted := s.IsRestricted(t.Entry, t.Now)
	h := s.OpenHolder(one, s.Account, t)
	_, reduceOnly := s.CutNumber(s.Terms, 1)
	room := s.reducible(h.Lots, s.Side)
	left = s.Min(left, s.Select(reduceOnly, room, left))
	h.Try(s.Select(s.Side, s.Neg(left), left), price, lock)
	allowed := s.restRule(h, restricted)
	h.Close()
	reason := s.FirstReason(
		Check{s.And(reduceOnly, s.IsZero(room)), machine.ReasonReduceOnly},
		Check{s.And(s.Not(reduceOnly), restricted), machine.ReasonStale},
	)
	s.Left = left
	s.RefuseIf(s.Select(s.IsZero(reason), allowed, reason), integers.Constant(machine.PhaseLink))
}

// restRule is the fill rule for an order that is to rest.
func (s *Step) restRule(h *Holder, restricted Integer) Integer {
	cash := s.Sub(h.Header.Get(layout.Cash), integers.Constant(machine.RestLockMicros))
	return h.Judge(integers.Constant(1), cash, restricted)
}
