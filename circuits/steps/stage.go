package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// Shapes of the oracle's records: the stage's proposal and its fields, a signer's key, the readings of a day, the
// filling of the next sheet.
var (
	StageShape        = Shape{layout.KindStage, 0, 3}
	StagedFieldsShape = Shape{layout.KindStage, 4, 2}
	SignerShape       = Shape{layout.KindSigners, 0, 2}
	ReadingsShape     = Shape{layout.KindReadings, 0, 1}
	FillingShape      = Shape{layout.KindUnderlying, 4, 2}
)

// MachinePage is the number of the machine's page at an offset.
func MachinePage(offset int64) Integer { return integers.Constant(layout.MachineRegion + offset) }

// stagePage is the number of the stage of the segment's source (06-R01).
func (s *Step) stagePage() Integer {
	return s.Select(s.Inbox, MachinePage(layout.MachineInboxStage), MachinePage(layout.MachineStage))
}

// OpenStage opens what is on the stage.
func (s *Step) OpenStage() *Record {
	return s.Open(integers.Constant(1), StageShape, s.stagePage(), integers.Constant(0))
}

// OpenStagedFields opens the fields of what is on the stage.
func (s *Step) OpenStagedFields() *Record {
	return s.Open(integers.Constant(1), StagedFieldsShape, s.stagePage(), integers.Constant(1))
}

// OpenSigner opens a signer's key; `signer` is below 8.
func (s *Step) OpenSigner(enabled, signer Integer) *Record {
	page, place := s.CutNumber(signer, 2)
	return s.Open(enabled, SignerShape, s.Add(MachinePage(layout.MachineSigners), page), place)
}

// OpenFilling opens the sheet of an underlying that is being filled; `underlying` is below 4.
func (s *Step) OpenFilling(enabled, underlying Integer) *Record {
	return s.Open(enabled, FillingShape, s.Add(MachinePage(layout.MachineUnderlyings), underlying), integers.Constant(1))
}

// OpenReadings opens both readings of a day, `place` the day modulo 32.
func (s *Step) OpenReadings(enabled, underlying, place Integer) *Record {
	page, rest := s.CutNumber(place, 4)
	tuple, choice := s.CutNumber(rest, 2)
	first := s.Add(MachinePage(layout.MachineReadings), s.Mul(underlying, integers.Constant(2)))
	return s.Open(enabled, ReadingsShape, s.Add(first, page), tuple, s.OneHot(choice, TupleCells)...)
}

// KnownUnderlying is the number of an underlying, 0 where there is none of it, and 1 where there is.
func (s *Step) KnownUnderlying(number Integer) (underlying, known Integer) {
	known = s.IsLess(number, s.Underlyings)
	return s.Unsigned(s.Select(known, number, integers.Constant(0)).Value, underlyingBits), known
}

// underlyingBits is the width of an underlying's number.
const underlyingBits = 2

// closeFilling forgets the filling in progress where the bit is 1 (06-R06).
func closeFilling(bit Integer, filling *Record) {
	zero := integers.Constant(0)
	filling.SetIf(bit, layout.FillingOpen, zero)
	filling.SetIf(bit, layout.FillingCount, zero)
	filling.SetIf(bit, layout.FillingIndex, zero)
	filling.SetElementIf(bit, layout.FillingHash, 0)
}

// takeStage gives the fields of what is on the stage, and the hash that was staged with it, and empties the stage.
func (s *Step) takeStage() (fields []Integer, hash any) {
	stage := s.OpenStage()
	hash = stage.Element(layout.StagedHash)
	stage.Clear(integers.Constant(1))
	stage.Close()
	record := s.OpenStagedFields()
	for i := range layout.StagedCount {
		fields = append(fields, record.Get(layout.StagedFields+i))
	}
	record.Clear(integers.Constant(1))
	record.Close()
	return fields, hash
}
