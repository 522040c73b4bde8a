package exit

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/poseidon"
	"miletus/circuits/tree"
)

const (
	whatBits = 8  // of an underlying in What
	timeBits = 64 // of a time there
)

// SilencePublic is what a proof of silence says, in the order of its public inputs (spec 08-R34).
type SilencePublic struct {
	Root frontend.Variable `gnark:",public"`
	What frontend.Variable `gnark:",public"` // underlying (8 bits), clock in ms (64), last tick in s (64)
}

// Silence is the circuit `silence`.
type Silence struct {
	Public                 SilencePublic
	Underlying, Instrument frontend.Variable
	Machine, Ticks         Page // the machine's header, and the underlying
	Definition, Book       Page // of an instrument that somebody holds
}

// NewSilence is an empty circuit.
func NewSilence() frontend.Circuit { return new(Silence) }

// Define is what gnark calls.
func (c *Silence) Define(api frontend.API) error {
	DefineSilence(bus.New(api, rangeBits), c)
	return nil
}

// DefineSilence holds that the machine's clock and the underlying's last tick are those of the state, and that a listed
// instrument of the underlying has open interest: one that nobody uses freezes nothing.
func DefineSilence(b bus.Bus, c *Silence) {
	api := b.API()
	r := &reader{integers.New(b), api, poseidon.New(api), bus.Settle(api, c.Public.Root)}
	one := integers.Constant(1)
	underlying, instrument := r.cut(c.Underlying, underlyingBits), r.cut(c.Instrument, instrumentBits)
	r.show(one, fixed(layout.MachineRegion+layout.MachineHeader, digitBits*tree.Depth), &c.Machine)
	ticks := append(append(number{}, underlying...), integers.Constant(0)) // four of eight pages, side by side
	above := (layout.MachineRegion + layout.MachineUnderlyings) >> len(ticks)
	r.show(one, append(ticks, fixed(int64(above), digitBits*tree.Depth-len(ticks))...), &c.Ticks)
	for side, page := range []*Page{&c.Definition, &c.Book} {
		at := append(fixed(int64(side), 1), instrument...)
		r.show(one, append(at, fixed(layout.InstrumentRegion>>len(at), digitBits*tree.Depth-len(at))...), page)
	}
	clock := r.get(layout.KindMachine, layout.ClockMs, c.Machine.Cells[:])
	tick := r.get(layout.KindUnderlying, layout.TickTimeS, c.Ticks.Cells[:])
	state := r.get(layout.KindInstrument, layout.InstrumentState, c.Definition.Cells[:])
	of := r.get(layout.KindInstrument, layout.InstrumentUnderlying, c.Definition.Cells[:])
	interest := r.get(layout.KindBook, layout.OpenInterest, c.Book.Cells[:])
	api.AssertIsEqual(state.Value, stateListed)
	api.AssertIsEqual(of.Value, c.Underlying)
	api.AssertIsEqual(r.IsZero(interest).Value, 0)
	what := api.Add(c.Underlying, shift(api, clock.Value, whatBits), shift(api, tick.Value, whatBits+timeBits))
	api.AssertIsEqual(c.Public.What, what)
}

// Quiet is what a proof of silence says.
type Quiet struct{ Underlying, ClockMS, TickTimeS, Instrument int64 }

// AssignSilence fills a circuit; it fails where nobody holds a listed instrument of the underlying.
func AssignSilence(s *State, underlying int64) (*Silence, *Quiet, error) {
	if underlying < 0 || underlying >= machine.MaxUnderlyings {
		return nil, nil, fmt.Errorf("exit: there is no underlying %d", underlying)
	}
	q := &Quiet{Underlying: underlying, Instrument: s.findHeld(underlying)}
	if q.Instrument < 0 {
		return nil, nil, fmt.Errorf("exit: nobody holds a listed instrument of underlying %d: its silence freezes nothing", underlying)
	}
	ticks := layout.MachineRegion + layout.MachineUnderlyings + underlying
	definition := layout.InstrumentRegion + 2*q.Instrument
	q.ClockMS = s.get(layout.MachineRegion+layout.MachineHeader, layout.KindMachine, layout.ClockMs)
	q.TickTimeS = s.get(ticks, layout.KindUnderlying, layout.TickTimeS)
	c := &Silence{Underlying: underlying, Instrument: q.Instrument}
	pages := map[int64]*Page{
		layout.MachineRegion + layout.MachineHeader: &c.Machine, ticks: &c.Ticks, definition: &c.Definition, definition + 1: &c.Book,
	}
	for number, page := range pages {
		var err error
		if *page, err = s.read(number); err != nil {
			return nil, nil, err
		}
	}
	c.Public = SilencePublic{s.Tree.Root(), q.pack()}
	return c, q, nil
}

// findHeld gives the first listed instrument of an underlying that has open interest, -1 if there is none.
func (s *State) findHeld(underlying int64) int64 {
	for instrument := range int64(1 << instrumentBits) {
		definition := layout.InstrumentRegion + 2*instrument
		if _, known := s.Pages[definition]; !known {
			continue
		}
		if s.get(definition, layout.KindInstrument, layout.InstrumentState) == stateListed &&
			s.get(definition, layout.KindInstrument, layout.InstrumentUnderlying) == underlying &&
			s.get(definition+1, layout.KindBook, layout.OpenInterest) > 0 {
			return instrument
		}
	}
	return -1
}

func (q *Quiet) pack() *big.Int {
	return pack([]int64{q.Underlying, q.ClockMS, q.TickTimeS}, []uint{whatBits, timeBits, timeBits})
}
