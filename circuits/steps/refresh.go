package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// A refresh rebuilds an account's sums underlying by underlying (05-R09, 05-R10): REFRESH passes over one or begins
// it, TAKE and SWEEP go along the list of positions, FINISH ends it.

// defineRefresh is REFRESH: pass over an underlying that there is not, or whose sums are fresh; else set the sums to
// zero and stand before the first position, or be done with it if there is none.
func defineRefresh(s *Step) {
	exists := s.IsLess(s.Underlying, s.Underlyings)
	now := s.ReadUnderlying(exists, s.Underlying)
	risk := s.OpenRisk(exists, s.Refresh, s.Underlying)
	old := s.Not(s.IsEqual(risk.Get(layout.Epoch), now.Epoch()))
	begins := s.And(exists, s.Or(s.Force, old))
	first := risk.Get(layout.FirstPosition)
	empty := s.And(begins, s.IsZero(first))
	risk.clearCell(begins, layout.SumMark)
	risk.clearCell(begins, layout.Gross)
	risk.SetIf(empty, layout.Epoch, now.Epoch())
	risk.Close()
	sums := s.OpenSums(begins, s.Refresh, s.Underlying)
	sums.Clear(begins)
	sums.Close()
	walks := integers.AsBit(s.Sub(begins, empty))
	s.Position = s.Mul(walks, first)
	s.nextUnderlying(s.Not(walks))
	s.Phase = s.Select(walks, integers.Constant(machine.PhaseTake), s.Phase)
}

// nextUnderlying goes to the next underlying where the bit is 1, or back to the phase that asked if there is none.
func (s *Step) nextUnderlying(bit Integer) {
	next := s.Add(s.Underlying, bit)
	back := s.And(bit, s.IsAtMost(s.Underlyings, next))
	s.Phase = s.Select(back, s.RefreshBack, integers.Constant(machine.PhaseRefresh))
	// where the last one was passed the number is of no use any more
	s.Underlying = s.narrow(s.Mul(s.Not(back), next), layout.Registers[layout.RegisterUnderlying].Bits)
}

// walk is the position that a refresh stands before.
type walk struct {
	account, instrument Integer
	definition          *Record
}

// readWalk looks at the instrument of the position that is next.
func (s *Step) readWalk() *walk {
	instrument, _ := s.instrumentOf(s.Position)
	definition := s.OpenInstrument(integers.Constant(1), instrument)
	definition.Close()
	return &walk{account: s.Refresh, instrument: instrument, definition: definition}
}

// goOn stands before the position that follows, or before FINISH at the list's end.
func (s *Step) goOn(following Integer) Integer {
	return s.Select(s.IsZero(following), integers.Constant(machine.PhaseFinish), integers.Constant(machine.PhaseTake))
}

// defineTake is TAKE: add one position to the sums, and its slow value; one in a settled instrument is for SWEEP.
func defineTake(s *Step) {
	one := integers.Constant(1)
	w := s.readWalk()
	settled := s.Is(w.definition.Get(layout.InstrumentState), 2)
	position := s.OpenPosition(one, w.account, w.instrument)
	position.Close()
	held := s.cutLots(s.Mul(s.Not(settled), position.Get(layout.PositionSize)))
	following := position.Get(layout.PositionNext)
	now := s.ReadUnderlying(one, s.Underlying)
	entry := s.OpenEntry(one, w.instrument, now.Buffer)
	entry.Close()
	// the account's gross lots are within their limit, and all of it within its width (spec 01, "Widths")
	sums := s.OpenSums(one, w.account, s.Underlying)
	for k := range machine.Scenarios {
		value := s.Mul(held.size, entry.Get(layout.Entries+k))
		sums.SetNarrow(one, layout.Sums+k, s.Add(sums.Get(layout.Sums+k), value))
	}
	sums.Close()
	risk := s.OpenRisk(one, w.account, s.Underlying)
	total := s.addLots(riskWorth(risk), entryWorth(entry), held.size)
	risk.SetNarrow(one, layout.SumMark, total.mark)
	risk.SetNarrow(one, layout.SumDelta, total.delta)
	risk.SetNarrow(one, layout.SumGamma, total.gamma)
	risk.SetNarrow(one, layout.Gross, s.Add(risk.Get(layout.Gross), s.gross(held)))
	risk.SetNarrow(one, layout.Short, s.Add(risk.Get(layout.Short), s.Mul(s.isOption(w.definition), held.short)))
	risk.Close()
	s.addSlow(w.definition.Get(layout.SlowMark), held)
	s.Position = s.Select(settled, s.Position, following)
	s.Phase = s.Select(settled, integers.Constant(machine.PhaseSweep), s.goOn(following))
}

// addSlow adds a position's slow value: a long's is rounded down, a short's up (05-R10).
func (s *Step) addSlow(slow Integer, held lots) {
	whole, part := s.CutNumber(slow, 16)
	up := s.Add(whole, s.Not(s.IsZero(part)))
	value := s.Sub(s.Mul(held.long, whole), s.Mul(held.short, up))
	register := layout.Registers[layout.RegisterSlow]
	s.Slow = s.Signed(s.Add(s.Slow, value).Value, register.Bits)
}

// defineSweep is SWEEP: pay a settled position's payoff from the instrument's clearing account and close it (07-R05).
func defineSweep(s *Step) {
	one := s.Enabled
	w := s.readWalk()
	header := s.OpenHeader(one, w.account)
	risk := s.OpenRisk(one, w.account, s.Underlying)
	position := s.OpenPosition(one, w.account, w.instrument)
	book := s.OpenBook(one, w.instrument)
	following := position.Get(layout.PositionNext)
	held := s.cutLots(position.Get(layout.PositionSize))
	pays := s.Mul(held.size, w.definition.Get(layout.Payoff))
	header.SetNarrow(one, layout.Cash, s.Add(header.Get(layout.Cash), pays))
	book.SetNarrow(one, layout.ClearingCash, s.Sub(book.Get(layout.ClearingCash), pays))
	book.SetNarrow(one, layout.ClearingPosition, s.Add(book.Get(layout.ClearingPosition), held.size))
	book.SetNarrow(one, layout.OpenInterest, s.Sub(book.Get(layout.OpenInterest), held.long))
	book.Close()
	position.Set(layout.PositionSize, integers.Constant(0))
	s.relinkPosition(&positionList{w.account, w.instrument, header, risk, position}, integers.Constant(0), one)
	risk.Close()
	header.Close()
	s.Position = following
	s.Phase = s.goOn(following)
}

// defineFinish is FINISH: store requirement and epoch.
func defineFinish(s *Step) {
	one := integers.Constant(1)
	now := s.ReadUnderlying(one, s.Underlying)
	sums := s.OpenSums(one, s.Refresh, s.Underlying)
	sums.Close()
	scenarios := make([]Integer, machine.Scenarios)
	for k := range scenarios {
		scenarios[k] = sums.Get(layout.Sums + k)
	}
	risk := s.OpenRisk(one, s.Refresh, s.Underlying)
	requirement := s.Add(s.worst(scenarios), s.floorOf(risk.Get(layout.Short), now))
	risk.SetNarrow(one, layout.Requirement, requirement)
	risk.Set(layout.Epoch, now.Epoch())
	risk.Close()
	s.Position = integers.Constant(0)
	s.nextUnderlying(one)
}
