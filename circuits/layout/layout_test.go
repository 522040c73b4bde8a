package layout_test

import (
	"testing"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	native "miletus/native/tree"
)

// fieldsAt fills a cell's fields with their smallest values, their greatest, or ones between.
func fieldsAt(slots []layout.Slot, which int) (fields [layout.Page]int64) {
	for i, slot := range slots {
		low, high := int64(0), int64(1)<<slot.Bits-1
		if slot.Signed {
			low, high = -(int64(1) << (slot.Bits - 1)), int64(1)<<(slot.Bits-1)-1
		}
		fields[slot.Field] = []int64{low, high, low/3 + min(int64(i), high), high / 7}[which]
	}
	return fields
}

func TestCellsAreThoseOfTheNativePacking(t *testing.T) {
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		t.Fatal(err)
	}
	for kind, cells := range layout.Packing {
		for i, slots := range cells {
			if layout.CellBits(slots) > 252 || len(slots) == 0 {
				continue // one element, which is not taken apart; or nothing
			}
			define := func(b bus.Bus, in []frontend.Variable) {
				a := integers.New(b)
				fields := layout.Unpack(a, b.API(), slots, in[0])
				b.API().AssertIsEqual(layout.Pack(a, slots, fields).Value, in[0])
				for j := range fields {
					b.API().AssertIsEqual(fields[j].Value, in[1+j])
				}
			}
			system, err := harness.Compile(define, 1+len(slots), []int{8})
			if err != nil {
				t.Fatal(err)
			}
			for which := range 4 {
				fields := fieldsAt(slots, which)
				packed, err := packing.Pack(kind, &fields)
				if err != nil {
					t.Fatal(err)
				}
				inputs := []frontend.Variable{packed[i]}
				for _, slot := range slots {
					inputs = append(inputs, fields[slot.Field])
				}
				if err := harness.Solve(system, inputs); err != nil {
					t.Fatalf("kind %d, cell %d: %v", kind, i, err)
				}
				inputs[1] = fields[slots[0].Field] ^ 1
				if harness.Solve(system, inputs) == nil {
					t.Fatalf("kind %d, cell %d: field %d may be another", kind, i, slots[0].Field)
				}
			}
		}
	}
}

func TestFieldsThatDoNotFitAreRefused(t *testing.T) {
	slots := []layout.Slot{{Field: 0, Bits: 8}}
	_, err := harness.Compile(func(b bus.Bus, in []frontend.Variable) {
		a := integers.New(b)
		layout.Pack(a, slots, []integers.Integer{a.Unsigned(in[0], 9)})
	}, 1, []int{8})
	if err == nil {
		t.Fatal("a field of 9 bits went into 8")
	}
}

// rule: 02-R01
func TestPageKindsMatchTheirPages(t *testing.T) {
	pages := map[int64]int64{
		-1: layout.KindNone, 0: layout.KindAccount, 1: layout.KindRisk, 3: layout.KindRisk, 4: layout.KindKeys, 5: layout.KindNone,
		6: layout.KindOrders, 7: layout.KindPositions, 8: layout.KindNone, 13: layout.KindNone, 14: layout.KindOrders,
		254: layout.KindOrders, 255: layout.KindPositions, 262: layout.KindNone, 2046: layout.KindNone,
		2047: layout.KindPositions, 2048: layout.KindAccount, layout.InstrumentRegion - 1: layout.KindPositions,
		layout.InstrumentRegion: layout.KindInstrument, layout.InstrumentRegion + 8191: layout.KindBook,
		layout.InstrumentRegion + 8192: layout.KindNone, layout.MachineRegion: layout.KindMachine,
		layout.MachineRegion + 1: layout.KindRegisters, layout.MachineRegion + 2: layout.KindStage,
		layout.MachineRegion + 4: layout.KindSigners, layout.MachineRegion + 5: layout.KindStage, layout.MachineRegion + 6: layout.KindNone,
		layout.MachineRegion + 11: layout.KindUnderlying, layout.MachineRegion + 12: layout.KindNone,
		layout.MachineRegion + 16: layout.KindReadings, layout.MachineRegion + 24: layout.KindJournal,
		layout.MachineRegion + 32: layout.KindNone,
	}
	for number, kind := range pages {
		if got := layout.PageKind(number); got != kind {
			t.Errorf("page %d is of kind %d, not %d", number, got, kind)
		}
	}
}
