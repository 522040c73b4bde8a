package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// replaced is added to a receipt's detail when the old order went and nothing came of the new one (03-R19).
const replaced = 1 << 32

// defineDone is DONE: leave the receipt and stand before the next operation.
func defineDone(s *Step) {
	order := s.OpenOrder(s.Named, s.Account, s.Slot)
	gone := s.And(s.Replaced, s.IsZero(s.Filled), s.IsZero(order.Get(layout.OrderBook)))
	generation := s.Add(order.Get(layout.OrderGeneration), s.Mul(gone, integers.Constant(replaced)))
	order.Close()
	detail := s.Select(s.Named, generation, s.Detail)
	s.Events = s.receipt(s.Reason, s.Filled, s.Notional, detail)
	s.ClearOperation()
	s.Phase = integers.Constant(machine.PhaseFetch)
}
