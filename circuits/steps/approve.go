package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// signerBits is the width of a signer's number.
const signerBits = 3

// defineApprove is FETCH of an Approve: a signer's approval counts, and the last that is needed carries the proposal
// out (06-R02).
func defineApprove(s *Step) {
	o := s.Fetch(machine.KindApprove)
	stage := s.OpenStage()
	kind := stage.Get(layout.StagedKind)
	// CHECK
	number := o.Field("signer")
	known := s.IsLess(number, s.Signers)
	signer := s.Unsigned(s.Select(known, number, integers.Constant(0)).Value, signerBits)
	bits := s.OneHot(signer, machine.MaxSigners)
	already := s.hasBit(stage.Get(layout.Approvals), bits)
	staged := s.Not(s.IsZero(kind))
	// AUTHORISE
	judged := s.And(staged, known, s.Not(already))
	key := s.OpenSigner(judged, signer)
	valid := o.Verify(judged, stage.Element(layout.StagedPayload), stage.Element(layout.StagedHash), 1,
		key.Element(layout.KeyX), key.Element(layout.KeyY))
	key.Close()
	s.Reason = s.FirstReason(
		Check{s.Not(staged), machine.ReasonNothingStaged},
		Check{s.Not(known), machine.ReasonUnknownSigner},
		Check{already, machine.ReasonAlreadyApproved},
		Check{s.Not(valid), machine.ReasonBadSignature},
	)
	// APPLY
	ok := s.IsZero(s.Reason)
	power := integers.Constant(0)
	for i, bit := range bits {
		power = s.Add(power, s.Mul(bit, integers.Constant(1<<i)))
	}
	count := s.Add(stage.Get(layout.ApprovalCount), integers.Constant(1))
	stage.SetNarrow(ok, layout.Approvals, s.Add(stage.Get(layout.Approvals), power))
	stage.SetNarrow(ok, layout.ApprovalCount, count)
	stage.Close()
	complete := s.And(ok, s.IsAtMost(s.Threshold, count))
	s.Phase = s.Select(complete, s.carryOut(kind), integers.Constant(machine.PhaseDone))
}

// carryOut is the phase that carries out a proposal of a kind.
func (s *Step) carryOut(kind Integer) Integer {
	return s.Select(s.Is(kind, machine.KindIndexTick), integers.Constant(machine.PhaseIndexTick),
		s.Select(s.Is(kind, machine.KindFlip), integers.Constant(machine.PhaseFlip), integers.Constant(machine.PhaseList)))
}

// hasBit is 1 where the number has the chosen bit; of the choices exactly one is 1.
func (s *Step) hasBit(number Integer, choice []Integer) Integer {
	sum := integers.Constant(0)
	for i, bit := range s.api.ToBinary(number.Value, len(choice)) {
		sum = s.Add(sum, s.Mul(integers.Known(bit, 1), choice[i]))
	}
	return integers.AsBit(sum)
}
