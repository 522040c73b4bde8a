package steps

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/native/poseidon"
)

// sheetEntry is an entry while it is judged: what it says, and the records that it concerns.
type sheetEntry struct {
	first, instrument, mark, delta, gamma    Integer
	scenarios                                []Integer
	room                                     Integer // the instrument's number is one
	known                                    Integer // the underlying is one
	index, fillingIndex                      Integer
	now, filling, definition, spare, inForce *Record
	covered                                  Integer // the instrument has an entry in force
}

// defineSheetEntry is FETCH of a SheetEntry: an instrument's values go to the buffer that is not in force (06-R06).
func defineSheetEntry(s *Step) {
	o := s.Fetch(machine.KindSheetEntry)
	e := s.openSheetEntry(o)
	// CHECK
	s.Reason = s.judgeEntry(e, o.Field("underlying"))
	ok := s.IsZero(s.Reason)
	// APPLY
	s.followSlowMark(ok, e)
	e.now.Close()
	e.inForce.Close()
	e.definition.Close()
	tag := s.countEntry(ok, e, o)
	e.filling.Close()
	for i, value := range e.scenarios {
		e.spare.SetNarrow(ok, layout.Entries+i, value)
	}
	e.spare.SetNarrow(ok, layout.Entries+layout.EntryMark, e.mark)
	e.spare.SetNarrow(ok, layout.Entries+layout.EntryDelta, e.delta)
	e.spare.SetNarrow(ok, layout.Entries+layout.EntryGamma, e.gamma)
	e.spare.SetNarrow(ok, layout.Entries+layout.EntryTag, tag)
	e.spare.Close()
	s.Phase = integers.Constant(machine.PhaseDone)
}

// openSheetEntry decodes the entry and opens its records.
func (s *Step) openSheetEntry(o *Operation) *sheetEntry {
	e := &sheetEntry{
		first: s.Is(o.Field("first"), 1), mark: o.Field("mark_ticks"), delta: o.Field("delta"), gamma: o.Field("gamma"),
	}
	for k := range machine.Scenarios {
		e.scenarios = append(e.scenarios, o.Field(fmt.Sprintf("scenario_%d", k)))
	}
	underlying, known := s.KnownUnderlying(o.Field("underlying"))
	number := o.Field("instrument")
	e.known = known
	e.room = s.And(known, s.IsLess(number, integers.Constant(machine.MaxInstruments)))
	e.instrument = s.Unsigned(s.Select(e.room, number, integers.Constant(0)).Value, instrumentBits)
	e.now, e.filling = s.OpenUnderlying(known, underlying), s.OpenFilling(known, underlying)
	buffer := e.now.Get(layout.SheetBuffer)
	e.definition = s.OpenInstrument(e.room, e.instrument)
	e.inForce = s.OpenEntry(e.room, e.instrument, buffer)
	e.spare = s.OpenEntry(e.room, e.instrument, s.Not(buffer))
	e.index, e.fillingIndex = e.now.Get(layout.Index), e.filling.Get(layout.FillingIndex)
	tag := e.now.Get(layout.SheetTag)
	e.covered = s.And(s.Not(s.IsZero(tag)), s.IsEqual(tag, e.inForce.Get(layout.Entries+layout.EntryTag)))
	return e
}

// judgeEntry gives the reason that an entry is refused for (06-R06).
func (s *Step) judgeEntry(e *sheetEntry, underlying Integer) Integer {
	listed := s.And(s.Is(e.definition.Get(layout.InstrumentState), 1),
		s.IsEqual(e.definition.Get(layout.InstrumentUnderlying), underlying))
	same := s.IsEqual(e.spare.Get(layout.Entries+layout.EntryTag), e.filling.Get(layout.FillingTag))
	hundredth, _ := s.Divide(e.index, integers.Constant(100))
	twoHundredth, _ := s.Divide(e.index, integers.Constant(200))
	curve := s.MulDiv(s.MulDiv(e.gamma, twoHundredth, integers.Constant(machine.GammaSpan)), twoHundredth,
		integers.Constant(2*machine.DeltaOne))
	return s.FirstReason(
		Check{s.Not(e.known), machine.ReasonUnknownUnderlying},
		Check{s.Not(s.Or(e.first, e.filling.Get(layout.FillingOpen))), machine.ReasonBadSheet},
		Check{s.Not(s.And(e.room, listed)), machine.ReasonUnknownInstrument},
		Check{s.And(s.Not(e.first), same), machine.ReasonDuplicate},
		Check{s.Not(s.entryFits(e)), machine.ReasonWidth},
		Check{s.IsZero(e.index), machine.ReasonNoIndex},
		Check{s.And(e.covered, s.isFarFromMark(e)), machine.ReasonMarkBand},
		Check{s.IsLess(s.Max(e.mark, hundredth), curve), machine.ReasonSheetGamma},
	)
}

// entryFits is 1 where mark, delta, gamma and scenarios are within their widths (01-R03).
func (s *Step) entryFits(e *sheetEntry) Integer {
	limit := integers.Constant(machine.PriceLimit)
	index := s.Select(e.first, e.index, e.fillingIndex)
	fits := []Integer{
		s.IsLess(e.mark, limit), s.IsAtMost(s.Abs(e.delta), integers.Constant(machine.DeltaLimit)),
		s.IsLess(e.gamma, integers.Constant(machine.GammaLimit)),
		s.IsLess(s.Mul(e.gamma, index), integers.Constant(machine.GammaIndexLimit)),
	}
	for _, value := range e.scenarios {
		fits = append(fits, s.IsLess(s.Abs(value), limit))
	}
	return s.And(fits...)
}

// isFarFromMark is 1 where the arriving mark is outside its band around the one in force.
func (s *Step) isFarFromMark(e *sheetEntry) Integer {
	age := s.Max(s.Sub(s.NowS(), e.now.Get(layout.SheetTimeS)), integers.Constant(0))
	steps, _ := s.Divide(age, integers.Constant(12))
	band := s.Min(s.Add(integers.Constant(50), steps), integers.Constant(500))
	away := s.Mul(s.Abs(s.Sub(e.mark, e.inForce.Get(layout.Entries+layout.EntryMark))), integers.Constant(1000))
	return s.IsLess(s.Mul(e.index, band), away)
}

// followSlowMark lets the mark in force act on the slow mark for the time that passed (06-R09).
func (s *Step) followSlowMark(ok Integer, e *sheetEntry) {
	one := integers.Constant(machine.SlowOne)
	now := s.NowS()
	slow := e.definition.Get(layout.SlowMark)
	dt := s.Min(s.Sub(now, e.definition.Get(layout.SlowTimeS)), integers.Constant(machine.SlowSeconds))
	gap := s.Sub(s.Mul(e.inForce.Get(layout.Entries+layout.EntryMark), one), slow)
	change, _ := s.Divide(s.Mul(gap, dt), integers.Constant(machine.SlowSeconds))
	after := s.Select(e.covered, s.Add(slow, change), s.Mul(e.mark, one))
	e.definition.SetNarrow(ok, layout.SlowMark, after)
	e.definition.SetNarrow(ok, layout.SlowTimeS, now)
}

// countEntry counts an entry that is good, in a new filling if it is the first, and gives the filling's tag.
func (s *Step) countEntry(ok Integer, e *sheetEntry, o *Operation) Integer {
	f, fresh := e.filling, s.And(ok, e.first)
	f.SetNarrow(fresh, layout.FillingTag, s.Add(f.Get(layout.FillingTag), integers.Constant(1)))
	f.SetIf(fresh, layout.FillingOpen, integers.Constant(1))
	f.SetIf(fresh, layout.FillingCount, integers.Constant(0))
	f.SetIf(fresh, layout.FillingIndex, e.index)
	f.SetNarrow(ok, layout.FillingCount, s.Add(f.Get(layout.FillingCount), integers.Constant(1)))
	var before frontend.Variable = s.SelectElement(e.first, 0, f.Element(layout.FillingHash))
	hash := s.Hash(ok, poseidon.TagSheet, before, o.Raw(0), o.Raw(1), o.Raw(2))
	f.SetElementIf(ok, layout.FillingHash, hash)
	return f.Get(layout.FillingTag)
}
