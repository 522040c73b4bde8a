package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// PositionShape is the record of a position.
var PositionShape = Shape{layout.KindPositions, 0, 1}

// OpenPosition opens an account's position in an instrument, whose number has 12 bits.
func (s *Step) OpenPosition(enabled, account, instrument Integer) *Record {
	group, place := s.CutNumber(instrument, 4)
	tuple, quarter := s.CutNumber(place, 2)
	page := s.Add(s.AccountPage(account, layout.AccountPositions), s.Mul(group, integers.Constant(layout.AccountGroup)))
	return s.Open(enabled, PositionShape, page, tuple, s.OneHot(quarter, TupleCells)...)
}

// instrumentOf is the instrument that a link of the list of positions, 1 + instrument, is to; 0 and 0 where it is to
// none.
func (s *Step) instrumentOf(link Integer) (instrument, exists Integer) {
	exists = s.Not(s.IsZero(link))
	return s.narrow(s.Sub(link, exists), instrumentBits), exists
}

// lots is a position taken apart: size = long - short, one of them zero.
type lots struct{ size, long, short Integer }

// cutLots takes a size apart.
func (s *Step) cutLots(size Integer) lots {
	long, short := s.Parts(size)
	return lots{size, long, short}
}

// gross is |size|.
func (s *Step) gross(l lots) Integer { return s.Add(l.long, l.short) }

// reducible is how many lots an order of a side can trade before the position changes sign.
func (s *Step) reducible(l lots, side Integer) Integer { return s.Select(side, l.long, l.short) }

// positionList is a position and the list that it is in or comes into: records that are open.
type positionList struct {
	account, instrument    Integer
	header, risk, position *Record
}

// relinkPosition puts a position at the front of its account's list where `opened` is 1, takes it out where `closed`
// is 1 (02-R07), and closes its record. Its neighbours may lie in its tuple, and in one another's.
func (s *Step) relinkPosition(l *positionList, opened, closed Integer) {
	first := l.risk.Get(layout.FirstPosition)
	previous, following := l.position.Get(layout.PositionPrevious), l.position.Get(layout.PositionNext)
	link := s.Add(l.instrument, integers.Constant(1))
	keep := s.Not(integers.AsBit(s.Add(opened, closed)))
	before, hasBefore := s.instrumentOf(previous)
	front := s.And(closed, s.Not(hasBefore))
	l.risk.Set(layout.FirstPosition, s.Select(opened, link, s.Select(front, following, first)))
	l.position.Set(layout.PositionPrevious, s.Mul(keep, previous))
	l.position.Set(layout.PositionNext, s.Select(opened, first, s.Mul(keep, following)))
	l.position.Close()
	// an account has at most MAX_POSITIONS of them
	l.header.SetNarrow(integers.Constant(1), layout.Positions, s.Sub(s.Add(l.header.Get(layout.Positions), opened), closed))
	s.setPositionLink(s.And(closed, hasBefore), l.account, before, layout.PositionNext, following)
	behind, hasBehind := s.instrumentOf(s.Select(opened, first, following))
	s.setPositionLink(s.And(s.Not(keep), hasBehind), l.account, behind, layout.PositionPrevious, s.Select(opened, link, previous))
}

// setPositionLink sets a link of one of an account's positions.
func (s *Step) setPositionLink(enabled, account, instrument Integer, field int, link Integer) {
	neighbour := s.OpenPosition(enabled, account, instrument)
	neighbour.SetIf(enabled, field, link)
	neighbour.Close()
}
