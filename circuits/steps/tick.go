package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/machine"
)

// defineTick is FETCH of a Tick: the clock moves, forward only and not beyond the batch's bound (03-R15).
func defineTick(s *Step) {
	o := s.Fetch(machine.KindTick)
	time := o.Field("time_ms")
	// CHECK
	reason := s.FirstReason(
		Check{s.IsAtMost(time, s.ClockMS), machine.ReasonBadTime},
		Check{s.IsLess(s.TimeBoundMS, time), machine.ReasonBadTime},
	)
	// APPLY
	ok := s.RefuseIf(reason, integers.Constant(machine.PhaseDone))
	s.ClockMS = s.Select(ok, time, s.ClockMS)
}
