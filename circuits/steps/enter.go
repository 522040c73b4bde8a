package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// States of an instrument; one that is not listed has 0.
const (
	listed  = 1
	settled = 2
)

// defineEnter is ENTER: check what needs no fresh sums, then see to the sums (04-R02).
func defineEnter(s *Step) {
	m := s.ReadMarket(integers.Constant(1))
	room := s.IsLess(s.Instrument, integers.Constant(machine.MaxInstruments))
	instrument := s.narrow(s.Mul(room, s.Instrument), instrumentBits)
	definition := s.OpenInstrument(room, instrument)
	definition.Close()
	state := definition.Get(layout.InstrumentState)
	order := s.OpenOrder(integers.Constant(1), s.Account, s.Slot8())
	order.Close()
	checks := []Check{
		{s.badFlags(), machine.ReasonBadFlags},
		{s.IsZero(state), machine.ReasonUnknownInstrument},
		{s.Or(s.Is(state, settled), s.isExpired(definition)), machine.ReasonExpired},
		{s.Not(s.isCovered(m, instrument, definition)), machine.ReasonNoSheet},
	}
	checks = append(checks, s.checkGrid(definition, s.Not(s.Market), s.Price, s.Size)...)
	checks = append(checks, Check{s.Not(s.IsZero(order.Get(layout.OrderBook))), machine.ReasonSlotTaken})
	s.RefuseIf(s.FirstReason(checks...), integers.Constant(machine.PhaseReady))
	s.continueWhenFresh(s.IsZero(s.Reason), m)
}

// continueWhenFresh makes the machine refresh the account first if it is stale, where the bit is 1; the phase that
// follows is READY.
func (s *Step) continueWhenFresh(bit Integer, m *Market) {
	stale := s.And(bit, s.IsStale(bit, s.Account, m))
	s.StartRefresh(stale, s.Account, 0, machine.PhaseReady)
}

// Slot8 is the slot of the order in progress; the operation's slot is a byte.
func (s *Step) Slot8() Integer { return s.narrow(s.Slot, machine.SlotBits) }

// badFlags is 1 where the order's flags make no sense together.
func (s *Step) badFlags() Integer {
	postOnly := s.IsAtMost(integers.Constant(2), s.Terms)
	unused := s.IsAtMost(integers.Constant(128), s.Mode)
	resting := s.And(s.Is(s.Tif, gtc), s.Not(s.Market))
	return s.Or(unused, s.Is(s.Tif, 3), s.And(postOnly, s.Not(resting)))
}

// isExpired is 1 where a dated instrument's time has come.
func (s *Step) isExpired(definition *Record) Integer {
	expiry := definition.Get(layout.ExpiryS)
	over := s.IsAtMost(s.Mul(expiry, integers.Constant(1000)), s.ClockMS)
	return s.And(s.Not(s.IsZero(expiry)), over)
}

// isCovered is 1 where the instrument's entry is one of the sheet in force.
func (s *Step) isCovered(m *Market, instrument Integer, definition *Record) Integer {
	choice := s.OneHot(definition.Get(layout.InstrumentUnderlying), machine.MaxUnderlyings)
	tags, buffers := make([]Integer, len(choice)), make([]Integer, len(choice))
	for i, u := range m.underlyings {
		tags[i], buffers[i] = u.Tag(), u.Buffer
	}
	tag := s.pick(choice, tags)
	entry := s.OpenEntry(s.Not(s.IsZero(definition.Get(layout.InstrumentState))), instrument, s.pick(choice, buffers))
	entry.Close()
	return s.And(s.Not(s.IsZero(tag)), s.IsEqual(tag, entry.Get(layout.Entries+layout.EntryTag)))
}

// checkGrid checks price, if the order has one, and size against the instrument's grid and limits (04-R02).
func (s *Step) checkGrid(definition *Record, hasPrice, price, size Integer) []Check {
	_, offPrice := s.Divide(price, s.positive(definition.Get(layout.TickStep)))
	_, offSize := s.Divide(size, s.positive(definition.Get(layout.LotStep)))
	badPrice := s.Or(s.IsZero(price), s.IsAtMost(integers.Constant(machine.PriceLimit), price), s.Not(s.IsZero(offPrice)))
	badSize := s.Or(s.IsLess(size, definition.Get(layout.MinSize)),
		s.IsLess(integers.Constant(machine.MaxOrderLots), size), s.Not(s.IsZero(offSize)))
	return []Check{
		{s.And(hasPrice, badPrice), machine.ReasonBadPrice},
		{badSize, machine.ReasonBadSize},
	}
}
