package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// dtLimitS is what the time between two ticks is held to (06-R03).
const dtLimitS = 1 << 31

// indexTick is a tick while it is judged.
type indexTick struct {
	underlying, known                 Integer
	timeS, index, cumulative          Integer
	kept, isClose                     Integer // a time at which readings are kept; the later of the day's two
	late                              Integer
	old, last, lastTimeS, readingTime Integer
}

// defineIndexTick carries an approved IndexTick out (06-R03 to 06-R05).
func defineIndexTick(s *Step) {
	fields, _ := s.takeStage()
	t := &indexTick{timeS: fields[1], index: fields[2], cumulative: fields[3]}
	t.underlying, t.known = s.KnownUnderlying(fields[0])
	place := s.placeReading(t)
	now := s.OpenUnderlying(t.known, t.underlying)
	more := now.Get(layout.Cumulative)
	t.old, t.last, t.lastTimeS = now.Get(layout.Index), more, now.Get(layout.TickTimeS)
	reading := s.OpenReadings(s.And(t.known, t.kept), t.underlying, place)
	opening, closing := reading.Get(layout.ReadingTimeS), reading.Get(layout.ReadingRecord+layout.ReadingTimeS)
	t.readingTime = s.Select(t.isClose, closing, opening)
	t.late = s.And(s.Not(s.IsZero(t.old)), s.IsAtMost(t.timeS, t.lastTimeS))
	s.Reason = s.judgeTick(t)
	// APPLY
	ok := s.IsZero(s.Reason)
	moves := s.And(ok, s.Not(t.late))
	now.SetNarrow(moves, layout.Index, t.index)
	now.SetNarrow(moves, layout.TickTimeS, t.timeS)
	now.SetNarrow(moves, layout.Cumulative, t.cumulative)
	now.Close()
	keep := s.And(ok, t.kept, s.IsLess(t.readingTime, t.timeS))
	for which, bit := range []Integer{s.And(keep, s.Not(t.isClose)), s.And(keep, t.isClose)} {
		reading.SetNarrow(bit, which*layout.ReadingRecord+layout.ReadingTimeS, t.timeS)
		reading.SetNarrow(bit, which*layout.ReadingRecord+layout.ReadingCumulative, t.cumulative)
	}
	reading.Close()
	s.Phase = integers.Constant(machine.PhaseDone)
}

// placeReading finds out if a reading is kept at the tick's time, and gives its day modulo 32 (06-R05).
func (s *Step) placeReading(t *indexTick) Integer {
	day, second := s.Divide(t.timeS, integers.Constant(machine.DayS))
	t.isClose = s.Is(second, machine.ExpiryTimeOfDayS)
	isOpening := s.Is(second, machine.ExpiryTimeOfDayS-machine.SettlementWindowS)
	t.kept = integers.AsBit(s.Add(isOpening, t.isClose))
	_, place := s.Divide(day, integers.Constant(machine.ReadingDays))
	return place
}

// judgeTick gives the reason that a tick is refused for.
func (s *Step) judgeTick(t *indexTick) Integer {
	now := s.NowS()
	limit := s.IsAtMost(integers.Constant(machine.CumulativeLimit), t.cumulative)
	tooOld := s.IsLess(t.timeS, s.Sub(now, integers.Constant(31*machine.DayS)))
	notLater := s.IsAtMost(t.timeS, t.readingTime)
	follows := s.And(s.Not(t.late), s.Not(s.IsZero(t.old)))
	dt := s.Min(s.Sub(t.timeS, t.lastTimeS), integers.Constant(dtLimitS))
	most := s.Add(t.last, s.Mul(s.Mul(s.Max(t.index, t.old), integers.Constant(2)), dt))
	band := s.Min(s.Add(integers.Constant(10), s.Mul(integers.Constant(2), dt)), integers.Constant(200))
	jump := s.Mul(s.Abs(s.Sub(t.index, t.old)), integers.Constant(1000))
	return s.FirstReason(
		Check{s.Not(t.known), machine.ReasonUnknownUnderlying},
		Check{s.Not(s.isPrice(t.index)), machine.ReasonBadPrice},
		Check{s.IsLess(s.Add(now, integers.Constant(machine.OracleAheadS)), t.timeS), machine.ReasonBadTime},
		Check{s.And(t.late, s.Or(s.Not(t.kept), tooOld, notLater)), machine.ReasonBadTime},
		Check{limit, machine.ReasonBadTick},
		Check{s.And(follows, s.Or(s.IsLess(t.cumulative, t.last), s.IsLess(most, t.cumulative))), machine.ReasonBadTick},
		Check{s.And(follows, s.IsLess(s.Mul(t.old, band), jump)), machine.ReasonTickBand},
	)
}

// isPrice is 1 where 1 <= x < 2^28.
func (s *Step) isPrice(x Integer) Integer {
	return s.And(s.Not(s.IsZero(x)), s.IsLess(x, integers.Constant(machine.PriceLimit)))
}
