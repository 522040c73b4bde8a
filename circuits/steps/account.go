package steps

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Shapes of an account's records.
var (
	HeaderShape = Shape{layout.KindAccount, 0, 4}
	KeyShape    = Shape{layout.KindKeys, 0, 3}
)

// accountBits is the width of an account's number where it has room in the tree.
const accountBits = 18

// HasRoom is 1 where the account's number is one that the tree has pages for, and not one of the machine's own.
func (s *Step) HasRoom(account Integer) Integer {
	return s.And(s.IsAtMost(integers.Constant(machine.FirstAccount), account),
		s.IsLess(account, integers.Constant(machine.MaxAccounts)))
}

// WithRoom is the account's number where the tree has room for it, else 0; and 1 where it has.
func (s *Step) WithRoom(account Integer) (number, room Integer) {
	room = s.HasRoom(account)
	return s.Unsigned(s.Select(room, account, integers.Constant(0)).Value, accountBits), room
}

// AccountPage is the number of an account's page at an offset.
func (s *Step) AccountPage(account Integer, offset int64) Integer {
	return s.Add(s.Mul(account, integers.Constant(layout.AccountPages)), integers.Constant(offset))
}

// OpenHeader opens an account's header.
func (s *Step) OpenHeader(enabled, account Integer) *Record {
	return s.Open(enabled, HeaderShape, s.AccountPage(account, layout.AccountHeader), integers.Constant(0))
}

// OpenKey opens a key of an account; `key` is below 4.
func (s *Step) OpenKey(enabled, account, key Integer) *Record {
	return s.Open(enabled, KeyShape, s.AccountPage(account, layout.AccountKeys), key)
}

// Existing is the account's number, 0 where the tree has no room for it, and 1 where it has an owner (03-R05). The
// header is opened only to look.
func (s *Step) Existing(account Integer) (number, exists Integer) {
	account, room := s.WithRoom(account)
	header := s.OpenHeader(room, account)
	owner := header.Element(layout.Owner)
	header.Close()
	return account, s.And(room, s.Not(s.IsZeroElement(owner)))
}

// Authorise checks account, key, nonce, time and signature of the operation (03-R05 to 03-R12), and takes the
// nonce if they hold. It sets Account, and gives the reason, 0 (OK) if all holds. A SetKey is signed with its other
// two words (10-R03); other operations give none.
func (o *Operation) Authorise(scope int64, others ...frontend.Variable) Integer {
	s := o.step
	account, exists := s.Existing(o.Field("account"))
	s.Account = account
	number := o.Field("key")
	known := s.IsLess(number, integers.Constant(machine.Keys))
	judged := s.And(exists, o.signed)
	_, low := s.CutNumber(number, 2)
	key := s.OpenKey(s.And(judged, known), s.Account, low)
	x, y := key.Element(layout.KeyX), key.Element(layout.KeyY)
	empty := s.And(s.IsZeroElement(x), s.IsZeroElement(y))
	now := s.NowS()
	expiry := key.Get(layout.KeyExpiryS)
	nonce := o.Field("nonce")
	extra := []frontend.Variable{0, 0}
	copy(extra, others)
	valid := o.Verify(s.And(judged, known), o.Payload().Value, extra[0], extra[1], x, y)
	reason := s.FirstReason(
		Check{s.Or(s.Not(known), empty), machine.ReasonUnknownKey},
		Check{s.And(s.Not(s.IsZero(expiry)), s.IsLess(expiry, now)), machine.ReasonKeyExpired},
		Check{s.Not(s.hasScope(key.Get(layout.KeyScope), scope)), machine.ReasonOutOfScope},
		Check{s.IsAtMost(nonce, key.Get(layout.KeyNonce)), machine.ReasonNonceUsed},
		Check{s.IsLess(o.Field("valid_until_s"), now), machine.ReasonOutOfTime},
		Check{s.Not(valid), machine.ReasonBadSignature},
	)
	key.SetIf(s.And(judged, s.IsZero(reason)), layout.KeyNonce, nonce)
	key.Close()
	reason = s.Select(s.And(s.Not(o.signed)), integers.Constant(machine.ReasonOk), reason)
	return s.Select(exists, reason, integers.Constant(machine.ReasonUnknownAccount))
}

// hasScope is 1 where the bit of a scope (1, 2, 4 or 8) is set.
func (s *Step) hasScope(scopes Integer, scope int64) Integer {
	half, _ := s.Divide(scopes, integers.Constant(scope))
	_, bit := s.Divide(half, integers.Constant(2))
	return integers.AsBit(bit)
}
