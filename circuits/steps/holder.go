package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Traded is the instrument of a fill: what its sheet says, and what its underlying is like.
type Traded struct {
	Number Integer // of the instrument
	Option Integer // 1 for a call or a put
	Entry  *Record // the sheet's entry in force
	Now    *Underlying
	choice []Integer // which underlying, a bit each
	market *Market
}

// ReadTraded looks at an instrument, of 12 bits, and its entry in force. The market must have been read where enabled.
func (s *Step) ReadTraded(enabled, instrument Integer, m *Market) (t *Traded, definition *Record) {
	definition = s.OpenInstrument(enabled, instrument)
	definition.Close()
	choice := s.OneHot(definition.Get(layout.InstrumentUnderlying), machine.MaxUnderlyings)
	t = &Traded{Number: instrument, Option: s.isOption(definition), Now: s.ChooseUnderlying(m, choice), choice: choice, market: m}
	t.Entry = s.OpenEntry(enabled, instrument, t.Now.Buffer)
	t.Entry.Close()
	return t, definition
}

// underlying is the number of the instrument's underlying.
func (s *Step) underlyingOf(t *Traded) Integer {
	sum := integers.Constant(0)
	for i := range t.choice {
		sum = s.Add(sum, s.Mul(t.choice[i], integers.Constant(int64(i))))
	}
	return integers.Integer{Value: sum.Value, Low: sum.Low, High: integers.Constant(machine.MaxUnderlyings - 1).High}
}

// Holder is an account whose position in an instrument may change. Its records are open until Close or Apply.
type Holder struct {
	Header *Record
	// Lots is its position in the instrument.
	Lots lots

	step                 *Step
	account              Integer
	traded               *Traded
	sums, risk, position *Record
	around               []elsewhere
	after                change
}

// change is what a fill makes of a holder.
type change struct {
	cash        Integer
	lots        lots
	gross       Integer
	short       Integer
	worth       worth
	scenarios   []Integer
	requirement Integer
}

// OpenHolder opens what a fill in the instrument may change of an account.
func (s *Step) OpenHolder(enabled, account Integer, t *Traded) *Holder {
	u := s.underlyingOf(t)
	h := &Holder{
		step: s, account: account, traded: t, Header: s.OpenHeader(enabled, account), sums: s.OpenSums(enabled, account, u),
		risk: s.OpenRisk(enabled, account, u), position: s.OpenPosition(enabled, account, t.Number),
	}
	h.Lots = s.cutLots(h.position.Get(layout.PositionSize))
	return h
}

// Close gives the records back as they are, if Apply does not.
func (h *Holder) Close() {
	h.Header.Close()
	h.sums.Close()
	h.risk.Close()
	h.position.Close()
}

// Try computes what dq lots more, at a price and at a cost besides, make of the holder. Nothing changes.
func (h *Holder) Try(dq, price, cost Integer) {
	s, t := h.step, h.traded
	a := &h.after
	a.cash = s.Sub(s.Sub(h.Header.Get(layout.Cash), s.Mul(dq, price)), cost)
	a.lots = s.cutLots(s.Add(h.Lots.size, dq))
	a.gross = s.Add(s.Sub(h.risk.Get(layout.Gross), s.gross(h.Lots)), s.gross(a.lots))
	a.short = s.Add(h.risk.Get(layout.Short), s.Mul(t.Option, s.Sub(a.lots.short, h.Lots.short)))
	a.worth = s.addLots(riskWorth(h.risk), entryWorth(t.Entry), dq)
	a.scenarios = make([]Integer, machine.Scenarios)
	for k := range a.scenarios {
		a.scenarios[k] = s.Add(h.sums.Get(layout.Sums+k), s.Mul(dq, t.Entry.Get(layout.Entries+k)))
	}
	a.requirement = s.Add(s.worst(a.scenarios), s.floorOf(a.short, t.Now))
}

// elsewhere is the account's risk in another underlying than the instrument's.
type elsewhere struct {
	risk  *Record
	move  Move
	epoch func() Integer
}

// lookAround looks at the account's risk in the other underlyings. Of four, others are three: the j-th is underlying
// j, or j + 1 from the instrument's own on.
func (h *Holder) lookAround(enabled Integer) []elsewhere {
	s, m := h.step, h.traded.market
	if h.around != nil {
		return h.around
	}
	behind := integers.Constant(0)
	for j := range machine.MaxUnderlyings - 1 {
		behind = integers.AsBit(s.Add(behind, h.traded.choice[j]))
		bit, here, next := behind, m.underlyings[j], m.underlyings[j+1]
		exists := s.Select(bit, m.exists[j+1], m.exists[j])
		h.around = append(h.around, elsewhere{
			risk: s.lookAtRisk(s.And(enabled, exists), h.account, s.Add(bit, integers.Constant(int64(j)))),
			move: Move{
				Ticks: s.Select(bit, s.moveOf(next).Ticks, s.moveOf(here).Ticks),
				Size:  s.Select(bit, s.moveOf(next).Size, s.moveOf(here).Size),
			},
			epoch: func() Integer { return s.Select(bit, next.Epoch(), here.Epoch()) },
		})
	}
	return h.around
}

// others gives value and requirement of the account in the other underlyings.
func (h *Holder) others(enabled Integer) (value, requirement Integer) {
	s := h.step
	value, requirement = integers.Constant(0), integers.Constant(0)
	for _, e := range h.lookAround(enabled) {
		value = s.Add(value, s.valueOf(riskWorth(e.risk), e.move))
		requirement = s.Add(requirement, e.risk.Get(layout.Requirement))
	}
	return value, requirement
}

// IsStale is 1 where sums of the account are from before a flip or settlement (05-R08). `enabled` is that of the
// holder.
func (h *Holder) IsStale(enabled Integer) Integer {
	s, epochs := h.step, make([]Integer, machine.MaxUnderlyings)
	for u := range epochs {
		epochs[u] = h.traded.market.underlyings[u].Epoch()
	}
	fresh := []Integer{s.IsEqual(h.risk.Get(layout.Epoch), s.pick(h.traded.choice, epochs))}
	for _, e := range h.lookAround(enabled) {
		fresh = append(fresh, s.IsEqual(e.risk.Get(layout.Epoch), e.epoch()))
	}
	return s.Not(s.And(fresh...))
}

// Judge is the fill rule of what was tried, for cash before it (05-R05, 05-R06): OK, MARGIN or WIDTH. The account's
// sums must be fresh. `enabled` is that of the holder.
func (h *Holder) Judge(enabled, cash, restricted Integer) (reason Integer) {
	s, a := h.step, &h.after
	limit := integers.Constant(machine.CashLimitMicros)
	crowded := s.And(s.IsZero(h.Lots.size), s.IsAtMost(integers.Constant(machine.MaxPositions), h.Header.Get(layout.Positions)))
	others, elsewhere := h.others(enabled)
	move := s.moveOf(h.traded.Now)
	valueAfter := s.valueOf(a.worth, move)
	equityAfter := s.Add(s.Add(a.cash, others), valueAfter)
	required := s.Add(elsewhere, a.requirement)
	// what equity gains, and the requirement grows
	gain := s.Sub(s.Add(s.Sub(a.cash, cash), valueAfter), s.valueOf(riskWorth(h.risk), move))
	growth := s.Sub(a.requirement, h.risk.Get(layout.Requirement))
	covered := s.And(s.Not(restricted), s.IsAtMost(required, equityAfter))
	noWorse := s.Or(s.Not(s.IsNegative(equityAfter)), s.Not(s.IsNegative(gain)))
	relief := s.And(s.IsNegative(growth), s.IsAtMost(growth, gain), noWorse)
	return s.FirstReason(
		Check{s.IsLess(integers.Constant(machine.MaxGrossLots), a.gross), machine.ReasonWidth},
		Check{crowded, machine.ReasonWidth},
		Check{s.Or(s.IsAtMost(limit, a.cash), s.IsAtMost(a.cash, s.Neg(limit))), machine.ReasonWidth},
		Check{s.Not(s.Or(covered, relief)), machine.ReasonMargin},
	)
}

// Apply carries out what was tried where the bit is 1, and closes the holder. That gross lots are within their limit
// holds every sum in its width (spec 01, "Widths"); a fill that is taken back leads to what was there before.
func (h *Holder) Apply(bit Integer) {
	s, a := h.step, &h.after
	h.Header.SetNarrow(bit, layout.Cash, a.cash)
	for k := range a.scenarios {
		h.sums.SetNarrow(bit, layout.Sums+k, a.scenarios[k])
	}
	h.sums.Close()
	h.risk.SetNarrow(bit, layout.SumMark, a.worth.mark)
	h.risk.SetNarrow(bit, layout.SumDelta, a.worth.delta)
	h.risk.SetNarrow(bit, layout.SumGamma, a.worth.gamma)
	h.risk.SetNarrow(bit, layout.Gross, a.gross)
	h.risk.SetNarrow(bit, layout.Short, a.short)
	h.risk.SetNarrow(bit, layout.Requirement, a.requirement)
	h.position.SetNarrow(bit, layout.PositionSize, a.lots.size)
	flat := s.IsZero(h.Lots.size)
	opened := s.And(bit, flat)
	closed := s.And(bit, s.Not(flat), s.IsZero(a.lots.size))
	s.relinkPosition(&positionList{h.account, h.traded.Number, h.Header, h.risk, h.position}, opened, closed)
	h.Header.Close()
	h.risk.Close()
}
