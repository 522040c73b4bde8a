package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineSetKey is FETCH of a SetKey, from L1 or by a key with that scope (03-R14).
func defineSetKey(kind int64) func(*Step) {
	return func(s *Step) {
		o := s.Fetch(kind)
		reason := o.authoriseKey(kind)
		// CHECK
		number := o.Field("slot")
		known := s.IsLess(number, integers.Constant(machine.Keys))
		refused := s.Not(s.IsZero(reason))
		reason = s.Select(s.And(s.Not(refused), s.Not(known)), integers.Constant(machine.ReasonUnknownKey), reason)
		// APPLY: the nonce of the slot stays; it may be that of the key which signed
		ok := s.RefuseIf(reason, integers.Constant(machine.PhaseDone))
		_, slot := s.CutNumber(number, 2)
		key := s.OpenKey(ok, s.Account, slot)
		key.SetElement(layout.KeyX, s.api.Mul(ok.Value, o.ElementOf("x")))
		key.SetElement(layout.KeyY, s.api.Mul(ok.Value, o.ElementOf("y")))
		key.SetIf(ok, layout.KeyScope, o.Field("scope"))
		key.SetIf(ok, layout.KeyExpiryS, o.Field("expiry_s"))
		key.Close()
	}
}

// authoriseKey lets L1, or a key of the account, set a key.
func (o *Operation) authoriseKey(kind int64) Integer {
	if kind == machine.KindSetKey {
		return o.Authorise(machine.ScopeKeys, o.Raw(1), o.Raw(2))
	}
	s := o.step
	account, exists := s.Existing(o.Field("account"))
	s.Account = account
	return s.Select(exists, integers.Constant(machine.ReasonOk), integers.Constant(machine.ReasonUnknownAccount))
}
