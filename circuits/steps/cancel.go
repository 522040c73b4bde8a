package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Modes of a Cancel (04-R19).
const (
	cancelSlot = 0
	cancelAll  = 2
)

// defineCancel is FETCH of a Cancel: remove one order, or begin to walk the account's slots (04-R19).
func defineCancel(s *Step) {
	o := s.Fetch(machine.KindCancel)
	reason := o.Authorise(machine.ScopeTrade)
	// CHECK
	mode, slot, generation := o.Field("mode"), o.Field("slot"), o.Field("generation")
	badMode := s.IsLess(integers.Constant(cancelAll), mode)
	one := s.And(s.IsZero(reason), s.Is(mode, cancelSlot))
	order := s.OpenOrder(one, s.Account, slot)
	other := s.And(s.Not(s.IsZero(generation)), s.Not(s.IsEqual(generation, order.Get(layout.OrderGeneration))))
	missing := s.And(one, s.Or(s.IsZero(order.Get(layout.OrderBook)), other))
	order.Close()
	found := s.FirstReason(Check{badMode, machine.ReasonBadFlags}, Check{missing, machine.ReasonOrderNotFound})
	reason = s.Select(s.IsZero(reason), found, reason)
	// APPLY
	s.Mode, s.Instrument = mode, o.Field("instrument")
	s.Slot = s.Mul(one, slot)
	name := s.Name()
	ok := s.RefuseIf(reason, integers.Constant(machine.PhaseScan))
	remove := s.And(ok, one)
	s.Detail = remove
	s.StartUnlink(remove, name, integers.Constant(machine.CauseCancelled), integers.Constant(machine.PhaseDone), s.Phase)
}

// bitmapLimb is the number of slots of a limb of the bitmap; there are bitmapLimbs.
const (
	bitmapLimb  = 32
	bitmapLimbs = machine.Slots / bitmapLimb
)

// defineScan is SCAN: remove the next order that is meant, or be done when no slot is left (04-R19).
func defineScan(s *Step) {
	slot, found := s.findTaken(s.Slot)
	name := s.narrow(s.Add(s.Mul(s.Account, integers.Constant(machine.Slots)), slot), nameBits)
	order := s.OpenNamed(found, name)
	// 1 + 2 x instrument + side is of the instrument for two numbers
	side := s.Sub(order.Get(layout.OrderBook), s.Add(s.Mul(s.Instrument, integers.Constant(2)), integers.Constant(1)))
	order.Close()
	meant := s.Or(s.Is(s.Mode, cancelAll), s.IsZero(side), s.Is(side, 1))
	remove := s.And(found, meant)
	s.Slot = s.Add(slot, found)
	s.Detail = s.narrow(s.Add(s.Detail, remove), 28) // at most as many as there are slots
	otherwise := s.Select(found, integers.Constant(machine.PhaseScan), integers.Constant(machine.PhaseDone))
	s.StartUnlink(remove, name, integers.Constant(machine.CauseCancelled), integers.Constant(machine.PhaseScan), otherwise)
}

// findTaken is the first slot from `first` on, of 0 to 256, that holds an order (02-R09); 0 and 0 if there is none.
func (s *Step) findTaken(first Integer) (slot, found Integer) {
	header := s.OpenHeader(integers.Constant(1), s.Account)
	limbs := make([]Integer, bitmapLimbs)
	for i := range limbs {
		limbs[i] = header.Get(layout.Bitmap + i)
	}
	header.Close()
	limb, place := s.CutNumber(first, 5)
	here, after, afterLimb := s.limbsFrom(limbs, limb)
	rest, _ := s.Divide(here, s.PowerOfTwo(place, 5))
	isHere := s.Not(s.IsZero(rest))
	base := s.Select(isHere, first, s.Mul(afterLimb, integers.Constant(bitmapLimb)))
	zeros, found := s.trailingZeros(s.Select(isHere, rest, after), bitmapLimb)
	return s.narrow(s.Mul(found, s.Add(base, zeros)), machine.SlotBits), found
}

// limbsFrom gives the limb of that number, 0 if there is none, and the first one after it that is not 0 with its
// number.
func (s *Step) limbsFrom(limbs []Integer, number Integer) (here, after, afterNumber Integer) {
	zero := integers.Constant(0)
	passed, missing := zero, integers.Constant(1)
	here, after, afterNumber = zero, zero, zero
	for i := range limbs {
		is := s.Is(number, int64(i))
		take := s.And(passed, missing, s.Not(s.IsZero(limbs[i])))
		here = s.Add(here, s.Mul(is, limbs[i]))
		after = s.Add(after, s.Mul(take, limbs[i]))
		afterNumber = s.Add(afterNumber, s.Mul(take, integers.Constant(int64(i))))
		passed, missing = integers.AsBit(s.Add(passed, is)), integers.AsBit(s.Sub(missing, take))
	}
	// each is a sum of which one part at most is not 0
	return integers.Known(here.Value, bitmapLimb), integers.Known(after.Value, bitmapLimb), integers.Known(afterNumber.Value, 3)
}

// trailingZeros counts the zero bits below the lowest one that is set, and tells if one is.
func (s *Step) trailingZeros(x Integer, bits int) (zeros, found Integer) {
	zeros, none := integers.Constant(0), integers.Constant(1)
	for _, bit := range s.Bits(x, bits) {
		none = s.And(none, s.Not(bit))
		zeros = s.Add(zeros, none)
	}
	return zeros, s.Not(none)
}
