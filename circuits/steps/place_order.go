package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Times in force of an order (04).
const (
	gtc = 0
	fok = 2
)

// flags of a PlaceOrder, bits 0 to 6 (04).
type flags struct {
	side, market, postOnly, reduceOnly, replace Integer
	tif                                         Integer
}

func (s *Step) readFlags(x Integer) flags {
	b := s.Bits(x, 8)
	return flags{
		side: b[0], tif: s.Add(b[1], s.Mul(b[2], integers.Constant(2))), market: b[3], postOnly: b[4], reduceOnly: b[5],
		replace: b[6],
	}
}

// definePlaceOrder is FETCH of a PlaceOrder: take the order into the registers; with `replace`, remove what is in
// the slot first, whatever becomes of the new one (04-R01).
func definePlaceOrder(s *Step) {
	o := s.Fetch(machine.KindPlaceOrder)
	// AUTHORISE
	ok := s.RefuseIf(o.Authorise(machine.ScopeTrade), integers.Constant(machine.PhaseEnter))
	s.Named = ok
	s.Slot, s.Instrument, s.Price = o.Field("slot"), o.Field("instrument"), o.Field("price_ticks")
	s.Left, s.Size = o.Field("size_lots"), o.Field("size_lots")
	s.Mode = o.Field("flags")
	f := s.readFlags(s.Mode)
	s.Side, s.Tif, s.Market = f.side, f.tif, f.market
	s.Terms = s.Add(s.Mul(f.postOnly, integers.Constant(2)), f.reduceOnly)
	seconds := o.Field("good_for_s")
	s.ExpiryS = s.Mul(s.Not(s.IsZero(seconds)), s.Add(s.NowS(), seconds))
	// APPLY
	order := s.OpenOrder(s.And(ok, f.replace), s.Account, s.Slot)
	s.Replaced = s.Not(s.IsZero(order.Get(layout.OrderBook)))
	order.Close()
	s.StartUnlink(s.Replaced, s.Name(), integers.Constant(machine.CauseReplaced), integers.Constant(machine.PhaseEnter), s.Phase)
}
