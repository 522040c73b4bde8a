package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// cascade is a list of cases of which the first that holds is the one: later ones only if none before did.
type cascade struct {
	step *Step
	rest Integer // 1 as long as no case held
}

// take gives 1 if the case holds and none before did.
func (c *cascade) take(holds Integer) Integer {
	taken := c.step.And(c.rest, holds)
	c.rest = integers.AsBit(c.step.Sub(c.rest, taken))
	return taken
}

// sumOfBits is the one of bits of which at most one is 1.
func (s *Step) sumOfBits(bits ...Integer) Integer {
	sum := integers.Constant(0)
	for _, bit := range bits {
		sum = s.Add(sum, bit)
	}
	return integers.AsBit(sum)
}

// head is the order that MATCH looks at.
type head struct {
	name, account                                   Integer
	price, left, filled, terms, expiryS, reduceOnly Integer
	record                                          *Record
}

// openHead opens an order of the book.
func (s *Step) openHead(enabled, name Integer) *head {
	account, slot := s.CutNumber(name, machine.SlotBits)
	r := s.OpenOrder(enabled, account, slot)
	h := &head{name: name, account: account, record: r, terms: r.Get(layout.OrderTerms)}
	h.price, h.left, h.filled = r.Get(layout.OrderPrice), r.Get(layout.OrderLeft), r.Get(layout.OrderFilled)
	high, reduceOnly := s.CutNumber(h.terms, 1)
	h.reduceOnly = reduceOnly
	h.expiryS, _ = s.CutNumber(high, 1)
	return h
}

// defineMatch is the first part of MATCH: look at the head of the other side once (04-R05 to 04-R07). What may be
// filled goes to FILL, with the head's name in Target.
func defineMatch(s *Step) {
	cases := &cascade{s, integers.Constant(1)}
	complete := cases.take(s.IsZero(s.Left))
	exhausted := cases.take(s.IsAtMost(integers.Constant(machine.MaxMakers), s.Heads))
	book := s.OpenBook(cases.rest, s.narrow(s.Instrument, instrumentBits))
	book.Close()
	name, exists := s.nameOf(s.headOf(book, s.Not(s.Side)))
	h := s.openHead(s.And(cases.rest, exists), name)
	h.record.Close()
	apart := cases.take(s.Not(s.And(exists, s.Crosses(h.price))))
	own := cases.take(s.IsEqual(h.account, s.Account))
	expired := cases.take(s.And(s.Not(s.IsZero(h.expiryS)), s.IsLess(h.expiryS, s.NowS())))
	gone := s.sumOfBits(own, expired)
	s.Heads = s.narrow(s.Add(s.Heads, gone), headsBits)
	cause := s.Select(own, integers.Constant(machine.CauseSelfMatch), integers.Constant(machine.CauseExpired))
	s.StartUnlink(gone, name, cause, integers.Constant(machine.PhaseMatch), integers.Constant(machine.PhaseFill))
	s.stop(exhausted, integers.Constant(machine.ReasonMakerLimit))
	s.finish(s.sumOfBits(complete, apart))
}

// leaveBand tells if the head is outside the band around the mark, to the taker's favour or to his harm (04-R08).
func (s *Step) leaveBand(h *head, t *Traded) (favour, harm Integer) {
	mark := s.Mark(t.Entry, t.Now)
	band := s.Band(mark, t.Now)
	away := s.towards(s.Side, s.Sub(h.price, mark))
	return s.IsLess(away, s.Neg(band)), s.IsLess(band, away)
}

// rests is 1 if what is left of the order in progress may rest: gtc, and not a market order.
func (s *Step) rests() Integer { return s.And(s.Is(s.Tif, gtc), s.Not(s.Market)) }

// stop ends matching for a reason where the bit is 1; what is left is cancelled (04-R14).
func (s *Step) stop(bit, reason Integer) {
	killed := s.And(bit, s.Is(s.Tif, fok))
	says := s.And(bit, s.Or(s.IsZero(s.Filled), s.rests()))
	s.Reason = s.Select(says, reason, s.Reason)
	s.Phase = s.Select(bit, integers.Constant(machine.PhaseDone), s.Phase)
	s.startUndo(killed)
}

// finish ends matching where the bit is 1, because nothing is left or nothing crosses (04-R14).
func (s *Step) finish(bit Integer) {
	left := s.Not(s.IsZero(s.Left))
	kill := s.Is(s.Tif, fok)
	rest := s.And(left, s.rests())
	unfilled := s.And(bit, s.Not(kill), s.Not(rest), s.IsZero(s.Filled))
	s.Reason = s.Select(unfilled, integers.Constant(machine.ReasonNotFilled), s.Reason)
	next := s.Select(rest, integers.Constant(machine.PhaseRest), integers.Constant(machine.PhaseDone))
	s.Phase = s.Select(bit, next, s.Phase)
	s.startUndo(s.And(bit, kill, left))
	s.startPublish(s.And(bit, kill, s.Not(left)))
}
