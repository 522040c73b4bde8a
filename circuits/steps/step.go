package steps

import (
	"fmt"
	"reflect"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/hashes"
	"miletus/circuits/integers"
	"miletus/circuits/machine"
	"miletus/circuits/memory"
	"miletus/circuits/signatures"
	"miletus/circuits/words"
)

// StepTimes is how many accesses to memory a step may make; the first StepTimes belong to the edge itself.
const StepTimes = 64

// chain is the sum through which the registers go from step to step.
var chain = bus.Sum{Name: "steps", Width: CarriedCount + 1}

// Batch is what L1 fixed for a batch and its segment: inputs of the machine, the same for every step of an edge.
type Batch struct {
	// Words is the number of words of the segment.
	Words Integer
	// Inbox is 1 for the inbox segment; OffChain is 1 where the words of signatures are not on L1.
	Inbox, OffChain Integer
	TimeBoundMS     Integer
	// Domain is what every signed message begins with (spec 10-R03).
	Domain frontend.Variable
}

// Shared is what all rows of a circuit have in common.
type Shared struct {
	Bus    bus.Bus
	Memory *memory.Memory
	Batch  Batch
}

// Step is one row while it is defined. Its registers are as the last step left them until the step changes them.
type Step struct {
	*integers.Arithmetic
	Registers
	Batch

	Shared *Shared
	// Enabled is 1 in a row that is a step, 0 in one that is left over and holds nothing.
	Enabled Integer

	name   string
	source Source
	api    frontend.API
	number frontend.Variable
	before Registers
	times  int
	open   int
}

// Head is what every row begins with: whether it is a step, its number in the edge, and what is carried.
type Head struct {
	Enabled, Number frontend.Variable
	Carried         [CarriedCount]frontend.Variable
}

// Define makes the constraints of a row of a table, and gives what the row leaves for the next.
func Define(shared *Shared, table *Table, head *Head, source Source) Registers {
	s := &Step{
		Arithmetic: integers.New(shared.Bus), Registers: Known(head.Carried[:]), Batch: shared.Batch,
		Shared: shared, name: table.Name, source: source, api: shared.Bus.API(), number: head.Number,
	}
	s.Enabled = s.Bit(head.Enabled)
	s.before = s.Registers
	s.Require(s.IsEqual(s.Phase, integers.Constant(table.Phase)))
	table.Define(s)
	if s.open != 0 {
		panic(fmt.Sprintf("steps: %s leaves %d records open", s.name, s.open))
	}
	s.Registers.check(s.name)
	s.exchange()
	return s.Registers
}

// exchange takes the registers of the step before and gives them on.
func (s *Step) exchange() {
	taken := append([]frontend.Variable{s.number}, s.before.Values()...)
	given := append([]frontend.Variable{s.api.Add(s.number, 1)}, s.Registers.Values()...)
	for i := 1; i < len(given); i++ {
		// the same expression of the same wires: what is not given anew is paid for once
		if reflect.DeepEqual(given[i], taken[i]) {
			given[i] = nil
		}
	}
	s.Shared.Bus.Exchange(chain, s.Enabled.Value, taken, given)
}

// Begin gives the registers that an edge starts with; End takes those that it ends with, after `count` steps.
func Begin(shared *Shared, r *Registers) {
	r.check("the beginning of an edge")
	shared.Bus.Push(chain, 1, append([]frontend.Variable{0}, r.Values()...)...)
}

// End takes the registers after the last step, and gives them their bounds.
func End(shared *Shared, count frontend.Variable, carried []frontend.Variable) Registers {
	shared.Bus.Push(chain, -1, append([]frontend.Variable{count}, carried...)...)
	return Known(carried)
}

// Require holds that a bit is 1, in a row that is a step.
func (s *Step) Require(bit Integer) {
	s.api.AssertIsEqual(s.api.Mul(s.Enabled.Value, s.api.Sub(1, bit.Value)), 0)
}

// Constant is a fixed number.
func (s *Step) Constant(value int64) Integer { return integers.Constant(value) }

// Is is 1 where x is the number.
func (s *Step) Is(x Integer, value int64) Integer { return s.IsEqual(x, integers.Constant(value)) }

// SelectElement is x where the bit is 1, else y.
func (s *Step) SelectElement(bit Integer, x, y frontend.Variable) frontend.Variable {
	return s.api.Select(bit.Value, x, y)
}

// NowS is the clock's second: floor(clock / 1000).
func (s *Step) NowS() Integer {
	second, _ := s.Divide(s.ClockMS, integers.Constant(1000))
	return second
}

// Check is one check of a list: where Bad is 1, Reason is what it gives.
type Check struct {
	Bad    Integer
	Reason int64
}

// FirstReason is the reason of the first check that is bad, 0 (OK) if none is.
func (s *Step) FirstReason(checks ...Check) Integer {
	reason := integers.Constant(machine.ReasonOk)
	for i := len(checks) - 1; i >= 0; i-- {
		reason = s.Select(checks[i].Bad, integers.Constant(checks[i].Reason), reason)
	}
	return reason
}

// RefuseIf sets reason and phase: DONE where the reason is not OK, else `next`. It gives 1 where it is OK.
func (s *Step) RefuseIf(reason Integer, next Integer) (ok Integer) {
	ok = s.IsZero(reason)
	s.Reason = reason
	s.Phase = s.Select(ok, next, integers.Constant(machine.PhaseDone))
	return ok
}

// Hash looks up the hash of at most five elements under a tag.
func (s *Step) Hash(enabled Integer, tag uint64, elements ...frontend.Variable) frontend.Variable {
	on := s.And(s.Enabled, enabled).Value
	out := s.source.Hash(on, tag, elements)
	hashes.Lookup(s.Shared.Bus, on, tag, out, elements...)
	return out
}

// Signature looks up if a signature is valid; 0 or 1 where enabled, else anything.
func (s *Step) Signature(enabled Integer, row *signatures.Row) Integer {
	on := s.And(s.Enabled, enabled).Value
	valid := s.Bit(s.source.Signature(on, row))
	signatures.Lookup(s.Shared.Bus, on, row, valid.Value)
	return valid
}

// Neighbour asks after which order one of this price is to rest. What it says must be proved.
func (s *Step) Neighbour(enabled, instrument, side, price Integer, bits int) Integer {
	on := s.And(s.Enabled, enabled).Value
	return s.Unsigned(s.source.Neighbour(on, instrument.Value, side.Value, price.Value), bits)
}

// word looks a word of the segment up; 0 where not enabled.
func (s *Step) word(enabled Integer, index Integer) frontend.Variable {
	on := s.And(s.Enabled, enabled).Value
	word := s.source.Word(on, index.Value)
	words.Lookup(s.Shared.Bus, on, index.Value, word)
	return s.api.Mul(enabled.Value, word)
}
