package steps

import (
	"math/big"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// listing is an instrument's definition while it is judged, in the order of the proposal's fields.
type listing struct {
	instrument, kind, underlying, strike, expiryS, tickStep, lotStep, minSize Integer
}

// defineList carries an approved List out (06-R10).
func defineList(s *Step) {
	f, _ := s.takeStage()
	l := &listing{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]}
	// CHECK
	room := s.IsLess(l.instrument, integers.Constant(machine.MaxInstruments))
	instrument := s.Unsigned(s.Select(room, l.instrument, integers.Constant(0)).Value, instrumentBits)
	definition := s.OpenInstrument(room, instrument)
	free := s.And(room, s.isFree(room, instrument, definition.Get(layout.InstrumentState)))
	s.Reason = s.FirstReason(
		Check{s.Not(free), machine.ReasonDuplicate},
		Check{s.Not(s.isSound(l)), machine.ReasonBadListing},
	)
	// APPLY
	ok := s.IsZero(s.Reason)
	definition.Clear(ok)
	definition.SetIf(ok, layout.InstrumentState, integers.Constant(1))
	for i, value := range []Integer{l.kind, l.underlying, l.strike, l.expiryS, l.tickStep, l.lotStep, l.minSize} {
		definition.SetNarrow(ok, layout.InstrumentType+i, value)
	}
	definition.Close()
	for buffer := range int64(2) {
		entry := s.OpenEntry(room, instrument, integers.Constant(buffer))
		entry.Clear(ok)
		entry.Close()
	}
	u, known := s.KnownUnderlying(l.underlying)
	now, filling := s.OpenUnderlying(s.And(ok, known), u), s.OpenFilling(s.And(ok, known), u)
	now.SetNarrow(ok, layout.Listed, s.Add(now.Get(layout.Listed), integers.Constant(1)))
	now.Close()
	closeFilling(ok, filling)
	filling.Close()
	s.Phase = integers.Constant(machine.PhaseDone)
}

// isFree is 1 where the instrument's place was never used, or all of its former one is settled and gone.
func (s *Step) isFree(enabled, instrument, state Integer) Integer {
	book := s.OpenBook(enabled, instrument)
	gone := s.And(s.Is(state, 2), s.IsZero(book.Get(layout.OpenInterest)), s.IsZero(book.Get(layout.HeadBid)),
		s.IsZero(book.Get(layout.HeadAsk)), s.IsZero(book.Get(layout.ClearingPosition)))
	book.Close()
	return s.Or(s.IsZero(state), gone)
}

// isSound is 1 where the definition makes sense.
func (s *Step) isSound(l *listing) Integer {
	one := integers.Constant(1)
	_, rest := s.Divide(l.minSize, s.atLeastOne(l.lotStep))
	sized := s.And(s.Not(s.IsZero(l.minSize)), s.IsAtMost(l.minSize, integers.Constant(machine.MaxOrderLots)), s.IsZero(rest))
	known := s.And(s.IsAtMost(l.kind, integers.Constant(3)), s.IsLess(l.underlying, s.Underlyings),
		s.IsAtMost(one, l.tickStep), s.IsAtMost(one, l.lotStep))
	option := s.IsAtMost(l.kind, one)
	struck := s.Select(option, s.isPrice(l.strike), s.IsZero(l.strike))
	_, second := s.Divide(l.expiryS, integers.Constant(machine.DayS))
	dated := s.And(s.Is(second, machine.ExpiryTimeOfDayS), s.IsLess(s.ClockMS, s.Mul(l.expiryS, integers.Constant(1000))))
	expires := s.Select(s.Is(l.kind, 3), s.IsZero(l.expiryS), dated)
	return s.And(known, sized, struck, expires)
}

// atLeastOne is x, and 1 where x is 0: a divisor.
func (s *Step) atLeastOne(x Integer) Integer {
	sum := s.Add(x, s.IsZero(x))
	return Integer{Value: sum.Value, Low: big.NewInt(1), High: x.High}
}
