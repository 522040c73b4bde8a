package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Shapes of an account's risk in an underlying: scenario sums, and the rest. They lie alike in all of the account's
// pages of risk, the first of which is the header's page.
var (
	SumsShape = Shape{layout.KindRisk, 4, 4}
	RiskShape = Shape{layout.KindRisk, 8, 3}
)

// OpenSums opens an account's scenario sums in an underlying, whose number is below 4 where enabled.
func (s *Step) OpenSums(enabled, account, underlying Integer) *Record {
	return s.Open(enabled, SumsShape, s.riskPage(account, underlying), integers.Constant(1))
}

// OpenRisk opens an account's other sums, requirement, epoch and list of positions in an underlying.
func (s *Step) OpenRisk(enabled, account, underlying Integer) *Record {
	return s.Open(enabled, RiskShape, s.riskPage(account, underlying), integers.Constant(2))
}

// lookAtRisk reads an account's risk in an underlying, which stays as it is.
func (s *Step) lookAtRisk(enabled, account, underlying Integer) *Record {
	r := s.OpenRisk(enabled, account, underlying)
	r.Close()
	return r
}

func (s *Step) riskPage(account, underlying Integer) Integer {
	return s.Add(s.AccountPage(account, layout.AccountRisk), underlying)
}

// clearCell sets the cell of a field, with all that is in it, to zero where the bit is 1. Its fields must not have
// been read.
func (r *Record) clearCell(bit Integer, field int) {
	r.mustBeOpen()
	cell, _ := r.find(field)
	if r.fields[cell] != nil {
		panic("steps: a cell is cleared as a whole that was taken apart")
	}
	r.wide[cell] = r.step.api.Mul(r.step.Not(bit).Value, r.cells[cell])
	r.changed[cell] = true
}

// IsStale is 1 where sums of the account are from before a flip or settlement (05-R08). The market must have been
// read where enabled.
func (s *Step) IsStale(enabled, account Integer, m *Market) Integer {
	fresh := make([]Integer, machine.MaxUnderlyings)
	for u := range fresh {
		risk := s.lookAtRisk(s.And(enabled, m.exists[u]), account, integers.Constant(int64(u)))
		fresh[u] = s.IsEqual(risk.Get(layout.Epoch), m.underlyings[u].Epoch())
	}
	return s.Not(s.And(fresh...))
}

// StartRefresh makes the machine refresh the account and go on in phase `back`, where the bit is 1; `force` is 1 if
// every underlying is rebuilt, stale or not (05-R09, 05-R10).
func (s *Step) StartRefresh(bit, account Integer, force, back int64) {
	zero := integers.Constant(0)
	s.Refresh = s.Select(bit, account, s.Refresh)
	s.RefreshBack = s.Select(bit, integers.Constant(back), s.RefreshBack)
	s.Force = s.Select(bit, integers.Constant(force), s.Force)
	s.Slow = s.Select(bit, zero, s.Slow)
	s.Underlying = s.Select(bit, zero, s.Underlying)
	s.Position = s.Select(bit, zero, s.Position)
	s.Phase = s.Select(bit, integers.Constant(machine.PhaseRefresh), s.Phase)
}
