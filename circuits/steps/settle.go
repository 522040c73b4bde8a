package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineSettle is FETCH of a Settle: fix the payoff of an expired instrument, or clear a settled one's book (07-R01
// to 07-R04).
func defineSettle(s *Step) {
	o := s.Fetch(machine.KindSettle)
	number := o.Field("instrument")
	room := s.IsLess(number, integers.Constant(machine.MaxInstruments))
	s.Instrument = s.Unsigned(s.Mul(room, number).Value, instrumentBits)
	definition := s.OpenInstrument(room, s.Instrument)
	expiry := definition.Get(layout.ExpiryS)
	state := definition.Get(layout.InstrumentState)
	clears := s.And(s.Is(state, 2), s.Not(s.IsZero(expiry)))
	lives := s.And(s.Is(state, 1), s.Not(s.IsZero(expiry)))
	due := s.And(lives, s.IsAtMost(expiry, s.NowS()))
	area, complete := s.settlementArea(due, definition)
	price, _ := s.Divide(area, integers.Constant(machine.SettlementWindowS))
	limit := integers.Constant(machine.PriceLimit)
	// CHECK
	reason := s.FirstReason(
		Check{s.Not(s.sumOfBits(clears, lives)), machine.ReasonUnknownInstrument},
		Check{clears, machine.ReasonOk},
		Check{s.Not(due), machine.ReasonTooEarly},
		Check{s.Not(complete), machine.ReasonNoReading},
		Check{s.Or(s.IsLess(price, integers.Constant(1)), s.IsAtMost(limit, price)), machine.ReasonWidth},
	)
	ok := s.RefuseIf(reason, s.Select(clears, integers.Constant(machine.PhaseClear), integers.Constant(machine.PhaseDone)))
	// APPLY
	settles := s.And(ok, s.Not(clears))
	s.fixPayoff(settles, definition, s.Unsigned(s.Mul(settles, price).Value, gridPriceBits))
	s.Detail = s.Mul(ok, definition.Get(layout.Payoff))
	definition.Close()
}

// settlementArea is the growth of the cumulative index over the last half hour before an expiry, and 1 if both its
// readings are there (07-R02). An expiry is at the time of day that readings are kept for (06-R10).
func (s *Step) settlementArea(due Integer, definition *Record) (area, complete Integer) {
	expiry := definition.Get(layout.ExpiryS)
	day, _ := s.Divide(expiry, integers.Constant(machine.DayS))
	_, place := s.CutNumber(day, 5)
	readings := s.OpenReadings(due, definition.Get(layout.InstrumentUnderlying), place)
	readings.Close()
	opening := s.Sub(expiry, integers.Constant(machine.SettlementWindowS))
	complete = s.And(s.IsEqual(readings.Get(layout.ReadingTimeS), opening),
		s.IsEqual(readings.Get(layout.ReadingRecord+layout.ReadingTimeS), expiry))
	close := readings.Get(layout.ReadingRecord + layout.ReadingCumulative)
	return s.Sub(close, readings.Get(layout.ReadingCumulative)), complete
}

// fixPayoff settles an instrument at a price where the bit is 1 (07-R03). The settled count no longer as listed, the
// filling in progress is closed, and whoever holds one has stale sums.
func (s *Step) fixPayoff(bit Integer, definition *Record, price Integer) {
	kind := s.OneHot(definition.Get(layout.InstrumentType), 4)
	above, below := s.Parts(s.Sub(price, definition.Get(layout.Strike)))
	future := s.sumOfBits(kind[2], kind[3])
	payoff := s.Add(s.Add(s.Mul(kind[0], above), s.Mul(kind[1], below)), s.Mul(future, price))
	payoff = s.Unsigned(s.Mul(bit, payoff).Value, gridPriceBits)
	definition.SetIf(bit, layout.InstrumentState, integers.Constant(2))
	definition.SetIf(bit, layout.Payoff, payoff)
	definition.SetIf(bit, layout.SlowMark, s.Mul(payoff, integers.Constant(machine.SlowOne)))
	u := definition.Get(layout.InstrumentUnderlying)
	now := s.OpenUnderlying(bit, u)
	now.SetNarrow(bit, layout.Listed, s.Sub(now.Get(layout.Listed), integers.Constant(1)))
	now.SetNarrow(bit, layout.RiskEpoch, s.Add(now.Get(layout.RiskEpoch), integers.Constant(1)))
	now.Close()
	filling := s.OpenFilling(bit, u)
	closeFilling(bit, filling)
	filling.Close()
}
