package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineAmend is FETCH of an Amend: reduce in place, remove, or remove and enter again (04-R18).
func defineAmend(s *Step) {
	o := s.Fetch(machine.KindAmend)
	// AUTHORISE
	reason := o.Authorise(machine.ScopeTrade)
	allowed := s.IsZero(reason)
	s.Named, s.Slot = allowed, o.Field("slot")
	// CHECK
	order := s.OpenOrder(allowed, s.Account, s.Slot)
	book, generation := order.Get(layout.OrderBook), order.Get(layout.OrderGeneration)
	found := s.And(s.Not(s.IsZero(book)), s.IsEqual(generation, o.Field("generation")))
	reason = s.Select(s.And(allowed, s.Not(found)), integers.Constant(machine.ReasonOrderNotFound), reason)
	found = s.And(found, s.IsZero(reason))
	s.takeOrder(found, order)
	s.Price, s.Size = o.Field("price_ticks"), o.Field("size_lots")
	bad := s.checkAmended(found)
	s.Reason = s.Select(found, bad, reason)
	// APPLY: what is asked for is a new total, of which `filled` is done
	filled, left := order.Get(layout.OrderFilled), order.Get(layout.OrderLeft)
	more := s.Sub(s.Size, filled)
	ends := s.Or(s.Not(s.IsZero(bad)), s.IsAtMost(more, integers.Constant(0)))
	same := s.And(s.IsEqual(s.Price, order.Get(layout.OrderPrice)), s.IsAtMost(more, left))
	reduce := s.And(found, s.Not(ends), same)
	enters := s.And(found, s.Not(ends), s.Not(same))
	order.SetNarrow(reduce, layout.OrderLeft, more) // at most what was left
	order.Close()
	s.Left = s.narrow(s.Mul(enters, more), 32) // at most the size
	s.Prior = s.Mul(enters, filled)
	s.Replaced = s.And(found, s.Not(reduce))
	cause := s.Select(enters, integers.Constant(machine.CauseReplaced), integers.Constant(machine.CauseCancelled))
	back := s.Select(enters, integers.Constant(machine.PhaseReenter), integers.Constant(machine.PhaseDone))
	s.StartUnlink(s.Replaced, s.Name(), cause, back, integers.Constant(machine.PhaseDone))
}

// takeOrder takes the resting order's book, terms and generation into the registers where the bit is 1.
func (s *Step) takeOrder(bit Integer, order *Record) {
	instrument, side := s.bookOf(order.Get(layout.OrderBook))
	s.Instrument = s.narrow(s.Mul(bit, instrument), instrumentBits)
	s.Side = s.And(bit, side)
	s.ExpiryS, s.Terms = s.CutNumber(order.Get(layout.OrderTerms), 2)
	s.Generation = order.Get(layout.OrderGeneration)
}

// checkAmended gives the reason why the order may no longer be changed, or not to this.
func (s *Step) checkAmended(enabled Integer) Integer {
	definition := s.OpenInstrument(enabled, s.Instrument)
	definition.Close()
	gone := s.Or(s.Not(s.Is(definition.Get(layout.InstrumentState), listed)), s.isExpired(definition))
	checks := []Check{{gone, machine.ReasonExpired}}
	return s.FirstReason(append(checks, s.checkGrid(definition, integers.Constant(1), s.Price, s.Size)...)...)
}

// defineReenter is REENTER: enter the amended order as a new arrival of the same generation (04-R18).
func defineReenter(s *Step) {
	s.Phase = integers.Constant(machine.PhaseReady)
	s.continueWhenFresh(integers.Constant(1), s.ReadMarket(integers.Constant(1)))
}
