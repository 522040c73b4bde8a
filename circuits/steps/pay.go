package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/native/poseidon"
)

// defineWithdraw is FETCH of a Withdraw: every underlying of the account is refreshed first (03-R17).
func defineWithdraw(s *Step) {
	o := s.Fetch(machine.KindWithdraw)
	// AUTHORISE
	reason := o.Authorise(machine.ScopeWithdraw)
	// CHECK
	s.Amount = o.Field("amount_micros")
	bad := Check{s.IsZero(s.Amount), machine.ReasonBadAmount}
	ok := s.RefuseIf(s.Select(s.IsZero(reason), s.FirstReason(bad), reason), integers.Constant(machine.PhaseRefresh))
	s.StartRefresh(ok, s.Account, 1, machine.PhasePay)
}

// defineTransfer is FETCH of a Transfer; it ends in PAY, which checks and moves for both (03-R18).
func defineTransfer(s *Step) {
	o := s.Fetch(machine.KindTransfer)
	// AUTHORISE
	reason := o.Authorise(machine.ScopeTransfer)
	// CHECK
	s.Amount = o.Field("amount_micros")
	to := o.Field("to")
	number, exists := s.Existing(to)
	s.To = number
	checked := s.FirstReason(
		Check{s.IsZero(s.Amount), machine.ReasonBadAmount},
		Check{s.Or(s.IsEqual(to, s.Account), s.Not(exists)), machine.ReasonUnknownAccount},
	)
	ok := s.RefuseIf(s.Select(s.IsZero(reason), checked, reason), integers.Constant(machine.PhaseRefresh))
	s.StartRefresh(ok, s.Account, 1, machine.PhasePay)
}

// definePay is PAY: carry out a Withdraw or a Transfer once the account is fresh.
func definePay(s *Step) {
	one := integers.Constant(1)
	header := s.OpenHeader(one, s.Account)
	cash := header.Get(layout.Cash)
	leave := s.judgeLeave(cash)
	moves := s.Is(s.Kind, machine.KindTransfer)
	leaves := s.Not(moves)
	to := s.OpenHeader(moves, s.To)
	received := s.Add(to.Get(layout.Cash), s.Amount)
	full := s.IsAtMost(integers.Constant(machine.MaxOutbox), s.OutboxCount)
	tooMuch := s.IsAtMost(integers.Constant(machine.CashLimitMicros), received)
	reason := s.Select(s.IsZero(leave), s.FirstReason(
		Check{s.And(leaves, full), machine.ReasonOutboxFull},
		Check{s.And(moves, tooMuch), machine.ReasonWidth},
	), leave)
	// APPLY: cash stays within its width, as no account loses more than judged sums allow (spec 01, "Widths")
	ok := s.RefuseIf(reason, integers.Constant(machine.PhaseDone))
	header.SetNarrow(ok, layout.Cash, s.Sub(cash, s.Amount))
	to.SetNarrow(s.And(ok, moves), layout.Cash, received)
	to.Close()
	out := s.And(ok, leaves)
	s.OutboxCount = s.narrow(s.Add(s.OutboxCount, out), headerBits(layout.OutboxCount))
	s.Withdrawn = s.narrow(s.Add(s.Withdrawn, s.Mul(out, s.Amount)), headerBits(layout.Withdrawn))
	outbox := s.Hash(out, poseidon.TagOutbox, s.Outbox, header.Element(layout.Owner), s.Amount.Value)
	s.Outbox = s.SelectElement(out, outbox, s.Outbox)
	header.Close()
}

// judgeLeave tells if the amount may leave the account: OK, STALE or MARGIN (05-R10). The requirement must be covered
// at the marks and at the slow marks.
func (s *Step) judgeLeave(cash Integer) Integer {
	m, now := s.ReadMarket(integers.Constant(1)), s.NowS()
	old, value, required := integers.Constant(0), integers.Constant(0), integers.Constant(0)
	for u := range machine.MaxUnderlyings {
		risk := s.lookAtRisk(m.exists[u], s.Account, integers.Constant(int64(u)))
		held := s.Not(s.IsZero(risk.Get(layout.Gross)))
		old = s.Or(old, s.And(held, s.isOld(m.underlyings[u], now)))
		value = s.Add(value, s.valueOf(riskWorth(risk), s.moveOf(m.underlyings[u])))
		required = s.Add(required, risk.Get(layout.Requirement))
	}
	left := s.Sub(s.Sub(cash, s.Amount), required)
	short := s.Or(s.IsNegative(s.Add(left, value)), s.IsNegative(s.Add(left, s.Slow)))
	return s.FirstReason(Check{old, machine.ReasonStale}, Check{short, machine.ReasonMargin})
}
