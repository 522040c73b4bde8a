package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// headsBits is the width of the count of heads that an operation has handled.
const headsBits = 7

// defineClear is CLEAR: remove one head of a settled instrument's book (07-R04).
func defineClear(s *Step) {
	book := s.OpenBook(integers.Constant(1), s.Instrument)
	bid, ask := book.Get(layout.HeadBid), book.Get(layout.HeadAsk)
	book.Close()
	name, exists := s.nameOf(s.Select(s.IsZero(bid), ask, bid))
	goOn := s.And(exists, s.IsLess(s.Heads, integers.Constant(machine.MaxMakers)))
	s.Heads = s.narrow(s.Add(s.Heads, goOn), headsBits)
	s.StartUnlink(goOn, name, integers.Constant(machine.CauseSettled), integers.Constant(machine.PhaseClear),
		integers.Constant(machine.PhaseDone))
}
