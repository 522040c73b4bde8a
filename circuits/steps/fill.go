package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineFill is the rest of MATCH: fill against the head that Target names, or evict it, or stop, or refresh its
// owner and look again (04-R08 to 04-R12).
func defineFill(s *Step) {
	one := integers.Constant(1)
	h := s.openHead(one, s.Target)
	instrument := s.narrow(s.Instrument, instrumentBits)
	t, _ := s.ReadTraded(one, instrument, s.ReadMarket(one))
	taker, maker := s.OpenHolder(one, s.Account, t), s.OpenHolder(one, h.account, t)
	lots, exhausted, spent := s.sizeFill(h, taker, maker)
	fee := s.fee(t.Option, lots, h.price, t.Now)
	dq := s.towards(s.Side, lots)
	maker.Try(s.Neg(dq), h.price, integers.Constant(0))
	taker.Try(dq, h.price, fee)
	book := s.OpenBook(one, instrument)
	restricted := s.IsRestricted(t.Entry, t.Now)
	// CHECK
	cases := &cascade{s, one}
	favour, harm := s.leaveBand(h, t)
	favour, harm = cases.take(favour), cases.take(harm)
	stale := cases.take(maker.IsStale(one))
	exhausted, spent = cases.take(exhausted), cases.take(spent)
	wide := cases.take(s.IsLess(integers.Constant(machine.MaxOpenInterestLots), s.openInterest(book, taker, maker)))
	poor := cases.take(s.Not(s.IsZero(maker.Judge(one, maker.Header.Get(layout.Cash), restricted))))
	reason := taker.Judge(one, taker.Header.Get(layout.Cash), restricted)
	refused := cases.take(s.Not(s.IsZero(reason)))
	filled := cases.rest
	// APPLY
	s.moveOpenInterest(filled, book, taker, maker)
	book.Close()
	s.writeJournal(s.And(filled, s.Is(s.Tif, fok)), h, lots, fee)
	maker.Apply(filled)
	taker.Apply(filled)
	s.payFee(filled, fee)
	left := s.Mul(filled, lots)
	h.record.SetNarrow(one, layout.OrderLeft, s.Sub(h.left, left))
	h.record.SetNarrow(one, layout.OrderFilled, s.Add(h.filled, left))
	h.record.Close()
	s.stop(s.sumOfBits(harm, exhausted, wide, refused), s.Select(refused, reason, s.sumOf(
		caseOf{harm, machine.ReasonBand}, caseOf{exhausted, machine.ReasonReduceOnly}, caseOf{wide, machine.ReasonWidth})))
	s.countFill(filled, s.Not(s.sumOfBits(harm, stale, exhausted)), left, h.price)
	// PUBLISH
	next := s.Select(filled, integers.Constant(machine.PhaseMatch), s.Phase)
	gone := s.sumOfBits(favour, spent, poor, s.And(filled, s.IsEqual(h.left, lots)))
	cause := s.Add(integers.Constant(machine.CauseFilled), s.sumOf(caseOf{favour, machine.CauseBand - machine.CauseFilled},
		caseOf{spent, machine.CauseReduceOnly - machine.CauseFilled}, caseOf{poor, machine.CauseMargin - machine.CauseFilled}))
	s.StartUnlink(gone, h.name, cause, integers.Constant(machine.PhaseMatch), next)
	s.StartRefresh(stale, h.account, 0, machine.PhaseMatch)
}

// caseOf is a number for a case.
type caseOf struct {
	bit   Integer
	value int64
}

// sumOf is the number of the one case that holds, 0 if none does; of the cases at most one holds.
func (s *Step) sumOf(cases ...caseOf) Integer {
	sum, greatest := integers.Constant(0), int64(0)
	for _, c := range cases {
		sum = s.Add(sum, s.Mul(c.bit, integers.Constant(c.value)))
		greatest = max(greatest, c.value)
	}
	return integers.Integer{Value: sum.Value, Low: sum.Low, High: integers.Constant(greatest).High}
}

// sizeFill gives the size of a fill, and tells if the taker has nothing to reduce, or the maker has not (04-R10).
func (s *Step) sizeFill(h *head, taker, maker *Holder) (lots, exhausted, spent Integer) {
	lots = s.Min(s.Left, h.left)
	_, reduceOnly := s.CutNumber(s.Terms, 1)
	room := s.reducible(taker.Lots, s.Side)
	lots = s.Select(reduceOnly, s.Min(lots, room), lots)
	exhausted = s.And(reduceOnly, s.IsZero(room))
	room = s.reducible(maker.Lots, s.Not(s.Side))
	lots = s.Select(h.reduceOnly, s.Min(lots, room), lots)
	spent = s.And(h.reduceOnly, s.IsZero(room))
	return lots, exhausted, spent
}

// openInterest is that of the instrument after what the holders have tried.
func (s *Step) openInterest(book *Record, holders ...*Holder) Integer {
	total := book.Get(layout.OpenInterest)
	for _, h := range holders {
		total = s.Add(total, s.Sub(h.after.lots.long, h.Lots.long))
	}
	return total
}

// moveOpenInterest stores it where the bit is 1; it is the sum of long positions.
func (s *Step) moveOpenInterest(bit Integer, book *Record, holders ...*Holder) {
	book.SetNarrow(bit, layout.OpenInterest, s.openInterest(book, holders...))
}

// payFee adds a fee to the fee account where the bit is 1; less than 2^60 of them come to be (spec 01, "Widths").
func (s *Step) payFee(bit, fee Integer) {
	fees := s.OpenHeader(bit, integers.Constant(machine.FeeAccount))
	fees.SetNarrow(bit, layout.Cash, s.Add(fees.Get(layout.Cash), fee))
	fees.Close()
}

// countFill counts a fill of so many lots, 0 where there was none, and the head where it was handled.
func (s *Step) countFill(filled, handled, lots, price Integer) {
	bits := func(register int) int { return layout.Registers[register].Bits }
	s.Heads = s.narrow(s.Add(s.Heads, handled), headsBits)
	s.Left = s.narrow(s.Sub(s.Left, lots), bits(layout.RegisterLeft))
	s.Filled = s.narrow(s.Add(s.Filled, lots), bits(layout.RegisterFilled))
	s.Notional = s.narrow(s.Add(s.Notional, s.Mul(lots, price)), bits(layout.RegisterNotional))
	s.Fills = s.narrow(s.Add(s.Fills, filled), fillsBits)
}
