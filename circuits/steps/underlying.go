package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// UnderlyingShape is the record of an underlying: index, sheet in force, risk epoch.
var UnderlyingShape = Shape{layout.KindUnderlying, 0, 3}

// OpenUnderlying opens an underlying, whose number is below 4 where enabled.
func (s *Step) OpenUnderlying(enabled, underlying Integer) *Record {
	page := s.Add(MachinePage(layout.MachineUnderlyings), underlying)
	return s.Open(enabled, UnderlyingShape, page, integers.Constant(0))
}

// Underlying is what margin reads of an underlying.
type Underlying struct {
	Index, TickTimeS, Reference, SheetTimeS, Buffer Integer

	record *Record
	move   *Move
}

// Move is the index less the sheet's reference, held to a quarter of the reference (05-R01), and its size.
type Move struct{ Ticks, Size Integer }

// ReadUnderlying looks at an underlying; all of it is 0 where not enabled.
func (s *Step) ReadUnderlying(enabled, underlying Integer) *Underlying {
	r := s.OpenUnderlying(enabled, underlying)
	r.Close()
	return &Underlying{
		Index: r.Get(layout.Index), TickTimeS: r.Get(layout.TickTimeS), Reference: r.Get(layout.SheetReference),
		SheetTimeS: r.Get(layout.SheetTimeS), Buffer: r.Get(layout.SheetBuffer), record: r,
	}
}

// Epoch is the risk epoch.
func (u *Underlying) Epoch() Integer { return u.record.Get(layout.RiskEpoch) }

// Tag is the tag of the sheet in force.
func (u *Underlying) Tag() Integer { return u.record.Get(layout.SheetTag) }

// moveOf computes the move of an underlying, once.
func (s *Step) moveOf(u *Underlying) Move {
	if u.move == nil {
		away := s.Sub(u.Index, u.Reference)
		limit, _ := s.CutNumber(u.Reference, 2)
		negative := s.IsNegative(away)
		size := s.Mul(away, s.Sub(integers.Constant(1), s.Add(negative, negative)))
		size = s.Min(integers.Integer{Value: size.Value, Low: integers.Constant(0).Low, High: size.High}, limit)
		ticks := s.Mul(size, s.Sub(integers.Constant(1), s.Add(negative, negative)))
		u.move = &Move{ticks, size}
	}
	return *u.move
}

// Market is every underlying that there is, looked at.
type Market struct {
	exists      []Integer
	underlyings []*Underlying
}

// ReadMarket looks at all underlyings where enabled.
func (s *Step) ReadMarket(enabled Integer) *Market {
	m := &Market{}
	for u := range int64(machine.MaxUnderlyings) {
		exists := s.IsLess(integers.Constant(u), s.Underlyings)
		m.exists = append(m.exists, exists)
		m.underlyings = append(m.underlyings, s.ReadUnderlying(s.And(enabled, exists), integers.Constant(u)))
	}
	return m
}

// ChooseUnderlying gives the underlying of the market whose bit is 1, without sheet tag and epoch.
func (s *Step) ChooseUnderlying(m *Market, choice []Integer) *Underlying {
	pick := func(of func(u *Underlying) Integer) Integer {
		list := make([]Integer, len(m.underlyings))
		for i, u := range m.underlyings {
			list[i] = of(u)
		}
		return s.pick(choice, list)
	}
	return &Underlying{
		Index:      pick(func(u *Underlying) Integer { return u.Index }),
		TickTimeS:  pick(func(u *Underlying) Integer { return u.TickTimeS }),
		Reference:  pick(func(u *Underlying) Integer { return u.Reference }),
		SheetTimeS: pick(func(u *Underlying) Integer { return u.SheetTimeS }),
		Buffer:     pick(func(u *Underlying) Integer { return u.Buffer }),
		move: &Move{
			Ticks: pick(func(u *Underlying) Integer { return s.moveOf(u).Ticks }),
			Size:  pick(func(u *Underlying) Integer { return s.moveOf(u).Size }),
		},
	}
}

// pick is the number of the list whose bit is 1; exactly one is.
func (s *Step) pick(choice, list []Integer) Integer {
	sum := integers.Constant(0)
	bounds := list[0]
	for i := range list {
		sum = s.Add(sum, s.Mul(choice[i], list[i]))
		if list[i].Low.Cmp(bounds.Low) < 0 {
			bounds.Low = list[i].Low
		}
		if list[i].High.Cmp(bounds.High) > 0 {
			bounds.High = list[i].High
		}
	}
	return integers.Integer{Value: sum.Value, Low: bounds.Low, High: bounds.High}
}
