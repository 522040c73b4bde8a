package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/machine"
)

// defineQuoteSheet is FETCH of a QuoteSheet: it is authorised, and not supported.
func defineQuoteSheet(s *Step) {
	o := s.Fetch(machine.KindQuoteSheet)
	reason := o.Authorise(machine.ScopeTrade)
	s.Reason = s.Select(s.IsZero(reason), integers.Constant(machine.ReasonNotSupported), reason)
	s.Phase = integers.Constant(machine.PhaseDone)
}
