package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/machine"
	"miletus/circuits/words"
	table "miletus/native/words"
)

// defineSkip is FETCH of what begins no operation: padding, kinds that are unknown, cut off, not for this source or
// not supported (03-R01 to 03-R03).
func defineSkip(s *Step) {
	word := s.word(integers.Constant(1), s.Cursor)
	kind := words.Cut(s.Shared.Bus, word)[0]
	left := s.Sub(s.Words, s.Cursor)
	s.Require(s.IsLess(integers.Constant(0), left))
	count, known := integers.Constant(1), integers.Constant(0)
	forInbox, forSequencer, done := integers.Constant(0), integers.Constant(0), integers.Constant(0)
	for i := range table.Table {
		o := &table.Table[i]
		is := s.Is(kind, int64(o.Kind))
		known = integers.AsBit(s.Add(known, is))
		if o.Kind == machine.KindPadding || o.Kind == machine.KindLiquidate || o.Kind == machine.KindFund {
			done = integers.AsBit(s.Add(done, is))
		}
		if isInboxKind(int64(o.Kind)) {
			forInbox = integers.AsBit(s.Add(forInbox, is))
		}
		if o.Kind >= machine.KindPlaceOrder || o.Kind == machine.KindPadding {
			forSequencer = integers.AsBit(s.Add(forSequencer, is))
		}
		count = s.Add(count, s.Mul(is, s.Sub(s.wordsOf(o), integers.Constant(1))))
	}
	cut := s.IsLess(left, count)
	allowed := s.Select(s.Inbox, forInbox, forSequencer)
	padding := s.Is(kind, machine.KindPadding)
	wrongSource := s.Select(s.Inbox, integers.Constant(machine.ReasonNotFromSequencer), integers.Constant(machine.ReasonNotFromInbox))
	reason := s.Select(s.Not(known), integers.Constant(machine.ReasonUnknownKind),
		s.Select(cut, integers.Constant(machine.ReasonIncomplete),
			s.Select(s.Not(allowed), wrongSource,
				s.Select(padding, integers.Constant(machine.ReasonOk), integers.Constant(machine.ReasonNotSupported)))))
	s.Require(s.Or(s.Not(s.And(known, s.Not(cut), allowed)), done))
	s.take(s.Min(count, left), s.Inbox)
	s.Kind = kind
	s.Reason = reason
	s.Phase = integers.Constant(machine.PhaseDone)
}

// wordsOf is the number of words that an operation takes in this segment (03-R02, 03-R03).
func (s *Step) wordsOf(o *table.Operation) Integer {
	words := integers.Constant(int64(o.Words))
	if !o.Signature {
		return words
	}
	bare := integers.Constant(int64(o.Words - signatureWords))
	words = s.Select(s.OffChain, bare, words)
	if o.Kind >= machine.KindPlaceOrder && o.Kind <= 0x1f {
		words = s.Select(s.Inbox, integers.Constant(1), words)
	}
	return words
}

// KindOf is the kind of an operation that a step other than skip takes: what begins with this byte, `left` words
// before the segment's end; -1 if it is skipped.
func KindOf(first int64, inbox, offChain bool, left int64) int64 {
	for i := range table.Table {
		o := &table.Table[i]
		if int64(o.Kind) != first {
			continue
		}
		count := int64(o.Words)
		if o.Signature && (offChain || (inbox && first >= machine.KindPlaceOrder && first <= 0x1f)) {
			count -= signatureWords
		}
		if inbox && first >= machine.KindPlaceOrder && first <= 0x1f {
			count = 1
		}
		allowed := (inbox && isInboxKind(first)) || (!inbox && first >= machine.KindPlaceOrder)
		if count > left || !allowed || first == machine.KindPadding || first == machine.KindLiquidate || first == machine.KindFund {
			return -1
		}
		return first
	}
	return -1
}
