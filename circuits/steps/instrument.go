package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// Shapes of an instrument's records: definition with slow mark, sheet entry, book.
var (
	InstrumentShape = Shape{layout.KindInstrument, 0, 2}
	EntryShape      = Shape{layout.KindInstrument, 4, 3}
	BookShape       = Shape{layout.KindBook, 0, 3}
)

// instrumentBits is the width of an instrument's number where it has room in the tree.
const instrumentBits = 12

// instrumentPage is the number of the page of an instrument's definition; that of its book follows.
func (s *Step) instrumentPage(instrument Integer) Integer {
	return s.Add(s.Mul(instrument, integers.Constant(2)), integers.Constant(layout.InstrumentRegion))
}

// OpenInstrument opens an instrument's definition; `instrument` is below 4,096.
func (s *Step) OpenInstrument(enabled, instrument Integer) *Record {
	return s.Open(enabled, InstrumentShape, s.instrumentPage(instrument), integers.Constant(0))
}

// OpenEntry opens an instrument's sheet entry in a buffer, 0 or 1. Fields are those of buffer 0.
func (s *Step) OpenEntry(enabled, instrument, buffer Integer) *Record {
	return s.Open(enabled, EntryShape, s.instrumentPage(instrument), s.Add(buffer, integers.Constant(1)))
}

// OpenBook opens an instrument's book.
func (s *Step) OpenBook(enabled, instrument Integer) *Record {
	return s.Open(enabled, BookShape, s.Add(s.instrumentPage(instrument), integers.Constant(1)), integers.Constant(0))
}
