package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineFlip carries an approved Flip out: the sheet that was filled comes into force (06-R07).
func defineFlip(s *Step) {
	fields, hash := s.takeStage()
	number, reference, timeS, count := fields[1], fields[2], fields[3], fields[4]
	u, known := s.KnownUnderlying(fields[0])
	now, filling := s.OpenUnderlying(known, u), s.OpenFilling(known, u)
	// CHECK
	one := integers.Constant(1)
	next := s.IsEqual(number, s.Add(now.Get(layout.SheetNumber), one))
	filled := s.And(s.Not(s.IsZero(count)), s.IsEqual(count, filling.Get(layout.FillingCount)), s.IsEqual(count, now.Get(layout.Listed)))
	same := s.IsZeroElement(s.api.Sub(filling.Element(layout.FillingHash), hash))
	complete := s.And(filling.Get(layout.FillingOpen), next, filled, same)
	index := now.Get(layout.Index)
	away := s.Mul(s.Abs(s.Sub(reference, index)), integers.Constant(1000))
	far := s.Or(s.IsLess(s.Mul(index, integers.Constant(machine.SheetReferencePermille)), away),
		s.IsLess(s.Mul(filling.Get(layout.FillingIndex), integers.Constant(2)), reference))
	early := s.IsAtMost(timeS, now.Get(layout.SheetTimeS))
	ahead := s.IsLess(s.Add(s.NowS(), integers.Constant(machine.OracleAheadS)), timeS)
	s.Reason = s.FirstReason(
		Check{s.Not(known), machine.ReasonUnknownUnderlying},
		Check{s.Not(complete), machine.ReasonBadSheet},
		Check{s.Not(s.isPrice(reference)), machine.ReasonBadPrice},
		Check{far, machine.ReasonTickBand},
		Check{s.Or(early, ahead), machine.ReasonBadTime},
	)
	// APPLY
	ok := s.IsZero(s.Reason)
	now.SetNarrow(ok, layout.SheetNumber, number)
	now.SetNarrow(ok, layout.SheetReference, reference)
	now.SetNarrow(ok, layout.SheetTimeS, timeS)
	now.SetIf(ok, layout.SheetTag, filling.Get(layout.FillingTag))
	now.SetNarrow(ok, layout.SheetBuffer, s.Sub(one, now.Get(layout.SheetBuffer)))
	now.SetNarrow(ok, layout.RiskEpoch, s.Add(now.Get(layout.RiskEpoch), one))
	now.Close()
	closeFilling(ok, filling)
	filling.Close()
	s.Phase = integers.Constant(machine.PhaseDone)
}
