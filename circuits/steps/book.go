package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// StartUnlink makes the machine remove the order `name` and go on in phase `back` where the bit is 1, and go on in
// phase `otherwise` where it is 0; the name is below 2^26 either way.
func (s *Step) StartUnlink(bit, name, cause, back, otherwise Integer) {
	s.Target, s.Cause, s.UnlinkBack = name, cause, back
	s.Phase = s.Select(bit, integers.Constant(machine.PhaseUnlink), otherwise)
}

// headOf is the first link of a side of a book: 0 buy, 1 sell.
func (s *Step) headOf(book *Record, side Integer) Integer {
	return s.Select(side, book.Get(layout.HeadAsk), book.Get(layout.HeadBid))
}

// setHead sets the first link of a side of a book where the bit is 1.
func (s *Step) setHead(book *Record, bit, side, link Integer) {
	book.SetNarrow(s.And(bit, side), layout.HeadAsk, link)
	book.SetNarrow(s.And(bit, s.Not(side)), layout.HeadBid, link)
}

// countSlot counts a slot in its account's header where the bit is 1: its bit of the bitmap is set, or cleared
// where sign is -1 (02-R09). The bitmap stays one number: the bit is known to be clear before, or set, because the
// slot holds no order, or does.
func (s *Step) countSlot(header *Record, bit, slot Integer, sign int64) {
	half, place := s.CutNumber(slot, 7)
	power := s.api.Mul(bit.Value, s.PowerOfTwo(place, 7).Value, sign)
	high := s.api.Mul(half.Value, power)
	header.SetElement(layout.Bitmap, s.api.Add(header.Element(layout.Bitmap), s.api.Sub(power, high)))
	header.SetElement(layout.Bitmap+4, s.api.Add(header.Element(layout.Bitmap+4), high))
	// at most as many orders rest as there are slots
	header.SetNarrow(bit, layout.Resting, s.Add(header.Get(layout.Resting), integers.Constant(sign)))
}

// moveLock moves what is locked while an order rests out of cash where the bit is 1, back where sign is -1. Both
// stay within their widths: an account locks once a slot, and cash is judged with the lock out of it.
func (s *Step) moveLock(header *Record, locks, pays Integer, sign int64) {
	amount := integers.Constant(sign * machine.RestLockMicros)
	header.SetNarrow(locks, layout.Locked, s.Add(header.Get(layout.Locked), amount))
	header.SetNarrow(pays, layout.Cash, s.Sub(header.Get(layout.Cash), amount))
}
