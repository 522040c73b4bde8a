package edge

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/memory"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
)

// Cheat is what a prover does who does not follow the machine; what is nil he does as the machine. The witness that
// he gets is consistent with his lie wherever it can be, so that constraints have to refuse it for the lie alone.
// Tests of soundness make such witnesses, and nobody else.
type Cheat struct {
	// Bus is what he computes on: one that leaves out the constraints that he would like to be without.
	Bus func(bus.Bus) bus.Bus
	// Source answers what steps ask for.
	Source func(steps.Source) steps.Source
	// Choose takes another step than the one that follows.
	Choose func(next *steps.Table) *steps.Table
	// Carry changes what the step before has left.
	Carry func(values []frontend.Variable)
}

// Follow makes the runner go on as this cheat; one that is empty follows the machine.
func (r *Runner) Follow(cheat Cheat) {
	r.cheat = cheat
	r.bus = evaluate.NewBus(r.Size.RangeBits)
	if cheat.Bus != nil {
		r.bus = cheat.Bus(r.bus)
	}
	s := r.Segment
	r.shared = &steps.Shared{Bus: r.bus, Memory: memory.New(r.bus, steps.TupleCells, r.Size.timeBits()), Batch: steps.Batch{
		Words: integers.Known(fr.NewElement(uint64(len(s.Words))), 16), Inbox: integers.Known(flagElement(s.Inbox), 1),
		OffChain:    integers.Known(flagElement(s.OffChain), 1),
		TimeBoundMS: integers.Known(fr.NewElement(uint64(s.TimeBoundMS)), timeBoundBits), Domain: s.Domain,
	}}
}

func (c *Cheat) source(world steps.Source) steps.Source {
	if c.Source == nil {
		return world
	}
	return c.Source(world)
}

func (c *Cheat) choose(next *steps.Table) *steps.Table {
	if c.Choose == nil {
		return next
	}
	return c.Choose(next)
}

func (c *Cheat) carry(values []frontend.Variable) {
	if c.Carry != nil {
		c.Carry(values)
	}
}

// recorder writes down what a source answers: a row's inputs, in the order of steps.Inputs.
type recorder struct {
	source steps.Source
	inputs []frontend.Variable
}

func (r *recorder) record(v frontend.Variable) frontend.Variable {
	r.inputs = append(r.inputs, v)
	return v
}

// Open answers with five inputs.
func (r *recorder) Open(enabled, address frontend.Variable) (frontend.Variable, []frontend.Variable) {
	last, cells := r.source.Open(enabled, address)
	r.record(last)
	r.inputs = append(r.inputs, cells...)
	return last, cells
}

// Close answers nothing.
func (r *recorder) Close(enabled, address, now frontend.Variable, cells []frontend.Variable) {
	r.source.Close(enabled, address, now, cells)
}

// Word answers with one input.
func (r *recorder) Word(enabled, index frontend.Variable) frontend.Variable {
	return r.record(r.source.Word(enabled, index))
}

// OffChain answers with two inputs.
func (r *recorder) OffChain(enabled, index frontend.Variable) (first, second frontend.Variable) {
	first, second = r.source.OffChain(enabled, index)
	return r.record(first), r.record(second)
}

// Hash answers with one input.
func (r *recorder) Hash(enabled, tag frontend.Variable, elements []frontend.Variable) frontend.Variable {
	return r.record(r.source.Hash(enabled, tag, elements))
}

// Signature answers with one input.
func (r *recorder) Signature(enabled frontend.Variable, row *signatures.Row) frontend.Variable {
	return r.record(r.source.Signature(enabled, row))
}

// Neighbour answers with one input.
func (r *recorder) Neighbour(enabled, instrument, side, price frontend.Variable) frontend.Variable {
	return r.record(r.source.Neighbour(enabled, instrument, side, price))
}
