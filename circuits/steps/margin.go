package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// worth is the sums that a value comes from, of an account or of one lot of an instrument.
type worth struct{ mark, delta, gamma Integer }

// entryWorth is what a sheet says of one lot.
func entryWorth(entry *Record) worth {
	return worth{
		entry.Get(layout.Entries + layout.EntryMark), entry.Get(layout.Entries + layout.EntryDelta),
		entry.Get(layout.Entries + layout.EntryGamma),
	}
}

// riskWorth is what an account has in an underlying. Sums of nothing are zero, and so is their value.
func riskWorth(risk *Record) worth {
	return worth{risk.Get(layout.SumMark), risk.Get(layout.SumDelta), risk.Get(layout.SumGamma)}
}

// addLots adds dq lots of an instrument to an account's sums.
func (s *Step) addLots(w, each worth, dq Integer) worth {
	return worth{
		s.Add(w.mark, s.Mul(dq, each.mark)), s.Add(w.delta, s.Mul(dq, each.delta)), s.Add(w.gamma, s.Mul(dq, each.gamma)),
	}
}

// valueOf is the value of sums after a move (05-R01, 05-R02): each part is rounded down by itself.
func (s *Step) valueOf(w worth, move Move) Integer {
	linear, _ := s.Divide(s.Mul(w.delta, move.Ticks), integers.Constant(machine.DeltaOne))
	return s.Add(s.Add(w.mark, linear), s.curve(w.gamma, move))
}

// curve is the part of a change of value that gamma makes.
func (s *Step) curve(gamma Integer, move Move) Integer {
	slope, _ := s.Divide(s.Mul(gamma, move.Size), integers.Constant(machine.GammaSpan))
	change, _ := s.Divide(s.Mul(slope, move.Size), integers.Constant(2*machine.DeltaOne))
	return change
}

// Mark is the mark of an instrument now, in ticks: 0 at least (05-R02).
func (s *Step) Mark(entry *Record, u *Underlying) Integer {
	return s.Max(s.valueOf(entryWorth(entry), s.moveOf(u)), integers.Constant(0))
}

// Band is the half width of the fill band around a mark, in ticks (04-R08).
func (s *Step) Band(mark Integer, u *Underlying) Integer {
	thousand := integers.Constant(1000)
	ofIndex, _ := s.Divide(s.Mul(u.Index, integers.Constant(machine.BandIndexPermille)), thousand)
	ofMark, _ := s.Divide(s.Mul(mark, integers.Constant(machine.BandMarkPermille)), thousand)
	return s.Add(ofIndex, ofMark)
}

// IsRestricted is 1 where only what lowers risk may go on in an instrument (06-R08).
func (s *Step) IsRestricted(entry *Record, u *Underlying) Integer {
	away := s.Mul(s.Abs(s.Sub(u.Index, u.Reference)), integers.Constant(1000))
	far := s.IsLess(s.Mul(u.Reference, integers.Constant(machine.MoveLimitPermille)), away)
	hundredth, _ := s.Divide(u.Index, integers.Constant(100))
	bent := s.IsLess(hundredth, s.curve(entry.Get(layout.Entries+layout.EntryGamma), s.moveOf(u)))
	return s.Or(s.isOld(u, s.NowS()), far, bent)
}

// isOld is 1 where the last tick or the sheet is too old for risk to grow.
func (s *Step) isOld(u *Underlying, nowS Integer) Integer {
	tick := s.IsLess(integers.Constant(machine.TickMaxAgeS), s.Sub(nowS, u.TickTimeS))
	return s.Or(tick, s.IsLess(integers.Constant(machine.SheetMaxAgeS), s.Sub(nowS, u.SheetTimeS)))
}

// worst is the loss in the worst scenario, 0 at least.
func (s *Step) worst(scenarios []Integer) Integer {
	least := integers.Constant(0)
	for _, value := range scenarios {
		least = s.Min(value, least)
	}
	return s.Neg(least)
}

// floorOf is the least requirement for short options, rounded up (05-R03).
func (s *Step) floorOf(short Integer, u *Underlying) Integer {
	product := s.Mul(s.Mul(short, integers.Constant(machine.ShortFloorPermille)), u.Reference)
	return s.divideUp(product, 1000)
}

// divideUp is the ceiling of x / divisor.
func (s *Step) divideUp(x Integer, divisor int64) Integer {
	quotient, _ := s.Divide(s.Add(x, integers.Constant(divisor-1)), integers.Constant(divisor))
	return quotient
}

// isOption is 1 where an instrument is a call or a put.
func (s *Step) isOption(definition *Record) Integer {
	high, _ := s.CutNumber(definition.Get(layout.InstrumentType), 1)
	return s.Not(high)
}

// fee is what a taker pays for a fill, rounded up (05-R07).
func (s *Step) fee(option, lots, price Integer, u *Underlying) Integer {
	premium := s.Mul(lots, price)
	ofIndex := s.Mul(s.Mul(lots, u.Index), integers.Constant(machine.OptionFeePpm))
	fee := s.divideUp(s.Select(option, ofIndex, s.Mul(premium, integers.Constant(machine.FutureFeePpm))), 1_000_000)
	limit := s.divideUp(premium, machine.OptionFeeCapDivisor)
	return s.Select(s.And(option, s.IsLess(limit, fee)), limit, fee)
}
