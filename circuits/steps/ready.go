package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// priceBits is the width of the limit of an order in progress: a market order's is no price of the grid.
const priceBits = 36

// defineReady is READY: check what needs fresh sums (04-R03), give a new order its generation, and let it match
// (04-R04).
func defineReady(s *Step) {
	instrument := s.narrow(s.Instrument, instrumentBits) // ENTER has seen to it
	_, reduceOnly := s.CutNumber(s.Terms, 1)
	position := s.OpenPosition(reduceOnly, s.Account, instrument)
	position.Close()
	room := s.reducible(s.cutLots(position.Get(layout.PositionSize)), s.Side)
	s.Price = s.narrow(s.Select(s.Market, s.marketLimit(instrument), s.Price), priceBits)
	reason := s.FirstReason(
		Check{s.And(reduceOnly, s.IsZero(room)), machine.ReasonReduceOnly},
		Check{s.wouldCross(instrument), machine.ReasonPostOnly},
	)
	ok := s.RefuseIf(reason, integers.Constant(machine.PhaseMatch))
	s.nextGeneration(s.And(ok, s.Is(s.Kind, machine.KindPlaceOrder)))
}

// marketLimit is the limit of a market order: the end of the band, 1 at least. Entry and underlying are those of one
// sheet, as ENTER saw, so it is within the width of a limit (spec 01, "Bounds").
func (s *Step) marketLimit(instrument Integer) Integer {
	definition := s.OpenInstrument(s.Market, instrument)
	definition.Close()
	u := s.ReadUnderlying(s.Market, definition.Get(layout.InstrumentUnderlying))
	entry := s.OpenEntry(s.Market, instrument, u.Buffer)
	entry.Close()
	mark := s.Mark(entry, u)
	band := s.Band(mark, u)
	lowest := s.Max(s.Sub(mark, band), integers.Constant(1))
	return s.Select(s.Side, lowest, s.Add(mark, band))
}

// wouldCross is 1 where a post-only order would match the head of the other side.
func (s *Step) wouldCross(instrument Integer) Integer {
	postOnly, _ := s.CutNumber(s.Terms, 1)
	book := s.OpenBook(postOnly, instrument)
	book.Close()
	head, exists := s.OpenLinked(s.headOf(book, s.Not(s.Side)))
	head.Close()
	return s.And(exists, s.Crosses(head.Get(layout.OrderPrice)))
}

// nextGeneration counts the order's slot up where the bit is 1.
func (s *Step) nextGeneration(bit Integer) {
	order := s.OpenOrder(bit, s.Account, s.Slot8())
	_, next := s.CutNumber(s.Add(order.Get(layout.OrderGeneration), integers.Constant(1)), generationBits)
	order.SetIf(bit, layout.OrderGeneration, next)
	order.Close()
	s.Generation = s.Select(bit, next, s.Generation)
}

// generationBits is the width of a generation, which counts modulo 2^32.
const generationBits = 32
