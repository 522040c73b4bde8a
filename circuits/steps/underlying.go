package steps

import (
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// UnderlyingShape is an underlying's index, tick, and sheet in force.
var UnderlyingShape = Shape{layout.KindUnderlying, 0, 3}

// OpenUnderlying opens index, tick and sheet in force; `underlying` is below 4.
func (s *Step) OpenUnderlying(enabled, underlying Integer) *Record {
	return s.Open(enabled, UnderlyingShape, s.Add(MachinePage(layout.MachineUnderlyings), underlying), integers.Constant(0))
}
