package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineDeposit is FETCH of a Deposit: money that arrived on L1 (03-R13).
func defineDeposit(s *Step) {
	o := s.Fetch(machine.KindDeposit)
	owner, amount := o.Field("owner"), o.Field("amount_micros")
	// CHECK
	account, room := s.WithRoom(o.Field("account"))
	s.Account = account
	header := s.OpenHeader(room, s.Account)
	has := header.Element(layout.Owner)
	fits := s.Or(s.IsZeroElement(has), s.IsZeroElement(s.api.Sub(has, owner.Value)))
	cash := s.Add(header.Get(layout.Cash), amount)
	deposited := s.Add(s.Deposited, amount)
	limit := integers.Constant(machine.CashLimitMicros)
	reason := s.FirstReason(
		Check{s.Not(s.And(room, fits, s.Not(s.IsZero(owner)))), machine.ReasonBadAccount},
		Check{s.IsZero(amount), machine.ReasonBadAmount},
		Check{s.Or(s.IsAtMost(limit, cash), s.IsAtMost(limit, deposited)), machine.ReasonWidth},
	)
	// APPLY
	ok := s.RefuseIf(reason, integers.Constant(machine.PhaseDone))
	header.SetElementIf(ok, layout.Owner, owner.Value)
	header.SetNarrow(ok, layout.Cash, cash)
	s.Deposited = s.narrow(s.Select(ok, deposited, s.Deposited), headerBits(layout.Deposited))
	header.Close()
}
