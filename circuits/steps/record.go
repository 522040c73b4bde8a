package steps

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// Shape is what a record looks like: the cells of its kind of page from First on, as many as it has. For records
// that a page has many of it is the first one's.
type Shape struct{ Kind, First, Cells int }

// Record is a record of the state while a step works on it. Its fields are zero where it is not enabled.
type Record struct {
	step    *Step
	shape   Shape
	enabled Integer
	address frontend.Variable
	last    frontend.Variable
	tuple   []frontend.Variable // as it was
	choice  []Integer           // which of the tuple's records it is, one bit each; nil if there is one
	cells   []frontend.Variable // the record's own, as they were
	fields  [][]Integer         // of cells that were taken apart
	changed []bool
	wide    []frontend.Variable // new values of cells that are one element
	closed  bool
}

// Open opens the record in the tuple of a page. `choice` has one bit for each record of the tuple if it has more
// than one, and exactly one of them is 1 where enabled. Close it before another record of the same tuple may be
// opened; times go by the order of Open.
//
// Where enabled is 0 nothing is read or written, and fields are zero.
func (s *Step) Open(enabled Integer, shape Shape, page, tuple Integer, choice ...Integer) *Record {
	if parts := max(len(choice), 1); parts*shape.Cells > TupleCells {
		panic(fmt.Sprintf("steps: %s: %d records of %d cells in a tuple", s.name, parts, shape.Cells))
	}
	r := &Record{step: s, shape: shape, enabled: enabled, choice: choice}
	r.address = s.Add(s.Mul(page, integers.Constant(layout.Cells/TupleCells)), tuple).Value
	r.last, r.tuple = s.source.Open(s.And(s.Enabled, enabled).Value, r.address)
	r.cells = r.choose()
	r.fields = make([][]Integer, shape.Cells)
	r.changed = make([]bool, shape.Cells)
	r.wide = make([]frontend.Variable, shape.Cells)
	s.open++
	return r
}

// choose picks the record's cells from the tuple.
func (r *Record) choose() []frontend.Variable {
	cells := make([]frontend.Variable, r.shape.Cells)
	_, always := r.step.api.Compiler().ConstantValue(r.enabled.Value)
	for i := range cells {
		if r.choice == nil {
			cells[i] = r.tuple[i]
			if !always {
				cells[i] = r.step.api.Mul(r.enabled.Value, cells[i])
			}
			continue
		}
		var sum frontend.Variable = 0
		for j, bit := range r.choice {
			sum = r.step.api.Add(sum, r.step.api.Mul(bit.Value, r.tuple[j*r.shape.Cells+i]))
		}
		if !always {
			sum = r.step.api.Mul(r.enabled.Value, sum)
		}
		cells[i] = sum
	}
	return cells
}

// find gives the cell and the place in it of a field.
func (r *Record) find(field int) (cell, place int) {
	cells := layout.Packing[r.shape.Kind]
	for c := range r.shape.Cells {
		for p, slot := range cells[r.shape.First+c] {
			if slot.Field == field {
				return c, p
			}
		}
	}
	panic(fmt.Sprintf("steps: %s: the record has no field %d", r.step.name, field))
}

func (r *Record) slots(cell int) []layout.Slot {
	return layout.Packing[r.shape.Kind][r.shape.First+cell]
}

// Get reads a field, named as in the layout.
func (r *Record) Get(field int) Integer {
	cell, place := r.find(field)
	r.unpack(cell)
	return r.fields[cell][place]
}

func (r *Record) unpack(cell int) {
	if r.fields[cell] == nil {
		r.fields[cell] = layout.Unpack(r.step.Arithmetic, r.step.api, r.slots(cell), r.cells[cell])
	}
}

// Set writes a field. Its bounds must fit.
func (r *Record) Set(field int, value Integer) {
	r.mustBeOpen()
	cell, place := r.find(field)
	r.unpack(cell)
	r.fields[cell][place] = value
	r.changed[cell] = true
}

// SetIf writes a field where the bit is 1.
func (r *Record) SetIf(bit Integer, field int, value Integer) {
	r.Set(field, r.step.Select(bit, value, r.Get(field)))
}

// SetNarrow writes a number whose bounds are wider than the field, where the bit is 1: it is held in the field's
// width. The step's checks have to keep it there, or no proof of the step exists.
func (r *Record) SetNarrow(bit Integer, field int, value Integer) {
	cell, place := r.find(field)
	slot := r.slots(cell)[place]
	chosen := r.step.Select(bit, value, r.Get(field))
	if !chosen.Fits(slot.Bits, slot.Signed) {
		if slot.Signed {
			chosen = r.step.Signed(chosen.Value, slot.Bits)
		} else {
			chosen = r.step.Unsigned(chosen.Value, slot.Bits)
		}
	}
	r.Set(field, chosen)
}

// Element reads a cell that is one element: that of the named field, its first.
func (r *Record) Element(field int) frontend.Variable {
	cell, place := r.find(field)
	if place != 0 || r.fields[cell] != nil {
		panic(fmt.Sprintf("steps: %s: field %d does not begin an element", r.step.name, field))
	}
	if r.wide[cell] != nil {
		return r.wide[cell]
	}
	return r.cells[cell]
}

// SetElement writes a cell that is one element.
func (r *Record) SetElement(field int, value frontend.Variable) {
	r.mustBeOpen()
	cell, _ := r.find(field)
	r.wide[cell] = value
	r.changed[cell] = true
}

// SetElementIf writes a cell that is one element where the bit is 1.
func (r *Record) SetElementIf(bit Integer, field int, value frontend.Variable) {
	r.SetElement(field, r.step.SelectElement(bit, value, r.Element(field)))
}

// Clear sets all cells of the record to zero where the bit is 1.
func (r *Record) Clear(bit Integer) {
	r.mustBeOpen()
	keep := r.step.Not(bit)
	for c := range r.cells {
		if r.fields[c] != nil {
			for p := range r.fields[c] {
				r.fields[c][p] = r.step.Mul(keep, r.fields[c][p])
			}
		} else {
			value := r.cells[c]
			if r.wide[c] != nil {
				value = r.wide[c]
			}
			r.wide[c] = r.step.api.Mul(keep.Value, value)
		}
		r.changed[c] = true
	}
}

func (r *Record) mustBeOpen() {
	if r.closed {
		panic(fmt.Sprintf("steps: %s: the record is closed", r.step.name))
	}
}

// Close gives the record back as it is now.
func (r *Record) Close() {
	r.mustBeOpen()
	r.closed = true
	s := r.step
	s.open--
	s.times++
	if s.times > StepTimes {
		panic(fmt.Sprintf("steps: %s: more than %d accesses", s.name, StepTimes))
	}
	after := r.write()
	enabled := s.And(s.Enabled, r.enabled).Value
	// the first StepTimes times are the edge's own
	now := s.api.Add(s.api.Mul(s.api.Add(s.number, 1), StepTimes), s.times-1)
	s.Shared.Memory.Write(enabled, r.address, r.last, now, r.tuple, after)
	full := append([]frontend.Variable(nil), r.tuple...)
	for i, v := range after {
		if v != nil {
			full[i] = v
		}
	}
	s.source.Close(enabled, r.address, now, full)
}

// write makes the tuple as it is now; what did not change is nil.
func (r *Record) write() []frontend.Variable {
	after := make([]frontend.Variable, TupleCells)
	for c := range r.cells {
		if !r.changed[c] {
			continue
		}
		value := r.wide[c]
		if value == nil {
			value = layout.Pack(r.step.Arithmetic, r.slots(c), r.fields[c]).Value
		}
		if r.choice == nil {
			after[c] = value
			continue
		}
		change := r.step.api.Sub(value, r.cells[c])
		for j, bit := range r.choice {
			at := j*r.shape.Cells + c
			after[at] = r.step.api.Add(r.tuple[at], r.step.api.Mul(bit.Value, change))
		}
	}
	return after
}

// CutNumber cuts a number into its low bits and the rest.
func (s *Step) CutNumber(x Integer, bits int) (high, low Integer) {
	if x.High.BitLen() <= bits {
		return integers.Constant(0), x
	}
	return s.Split(x, bits)
}

// OneHot gives one bit for each number below `count`: 1 where x is it. Exactly one is 1, as x is below count.
func (s *Step) OneHot(x Integer, count int) []Integer {
	if x.High.Cmp(big.NewInt(int64(count))) >= 0 || x.Low.Sign() < 0 {
		panic(fmt.Sprintf("steps: %s: a number up to %v for %d choices", s.name, x.High, count))
	}
	bits := make([]Integer, count)
	if count == 2 {
		return []Integer{s.Not(x), x}
	}
	rest := integers.Constant(1)
	for i := range count - 1 {
		bits[i] = s.Is(x, int64(i))
		rest = s.Sub(rest, bits[i])
	}
	bits[count-1] = integers.AsBit(rest)
	return bits
}
