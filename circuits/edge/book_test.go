package edge_test

import (
	"testing"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/steps"
)

// state is the pages of a runner, taken apart.
type state struct {
	t           *testing.T
	pages       map[int64]edge.Page
	generations map[int64]int64 // by order name, as they were when the state was last looked at
}

func (s *state) fields(number int64) []int64 {
	fields := make([]int64, layout.Page)
	page := s.pages[number]
	for i, slots := range layout.Packing[layout.PageKind(number)] {
		if len(slots) > 0 && layout.CellBits(slots) <= 252 {
			for j, value := range layout.UnpackCell(slots, &page[i]) {
				fields[slots[j].Field] = value
			}
		}
	}
	return fields
}

func (s *state) order(name int64) []int64 {
	account, slot := name/machine.Slots, name%machine.Slots
	return s.fields(steps.OrdersPage(account, slot/8))[slot%8*layout.OrderRecord:]
}

// checkAccounts holds the bitmap, the count and the lock of every account to the orders in its slots, and generations
// to those before; it gives how many orders rest.
func (s *state) checkAccounts() (resting int64) {
	for number := range s.pages {
		if layout.PageKind(number) != layout.KindAccount {
			continue
		}
		account, header := number/layout.AccountPages, s.fields(number)
		own := int64(0)
		for slot := range int64(machine.Slots) {
			order := s.order(account*machine.Slots + slot)
			bit := header[layout.Bitmap+slot/32] >> (slot % 32) & 1
			rests := order[layout.OrderBook] != 0
			if rests != (bit == 1) {
				s.t.Errorf("account %d, slot %d: bit %d, book %d", account, slot, bit, order[layout.OrderBook])
			}
			if name := account*machine.Slots + slot; order[layout.OrderGeneration] < s.generations[name] {
				s.t.Errorf("account %d, slot %d: generation %d again", account, slot, order[layout.OrderGeneration])
			} else {
				s.generations[name] = order[layout.OrderGeneration]
			}
			if rests {
				own++
			} else if left := order[:layout.OrderGeneration]; left[1]+left[2]+left[3]+order[layout.OrderTerms]+
				order[layout.OrderPrevious]+order[layout.OrderNext] != 0 {
				s.t.Errorf("account %d, slot %d: something is left of an order that is gone: %v", account, slot, order)
			}
		}
		if header[layout.Resting] != own || header[layout.Locked] != own*machine.RestLockMicros {
			s.t.Errorf("account %d: %d orders, but it counts %d and locks %d", account, own, header[layout.Resting], header[layout.Locked])
		}
		resting += own
	}
	return resting
}

// checkBooks holds every list to its order, and gives how many orders are in all of them.
func (s *state) checkBooks() (linked int64) {
	for number := range s.pages {
		if layout.PageKind(number) != layout.KindBook {
			continue
		}
		instrument := (number - layout.InstrumentRegion) / 2
		for side := range int64(2) {
			previous, best := int64(0), int64(0)
			for link := s.fields(number)[layout.HeadBid+side]; link != 0; link = s.order(link - 1)[layout.OrderNext] {
				order := s.order(link - 1)
				price := order[layout.OrderPrice]
				if side == 0 {
					price = -price
				}
				if order[layout.OrderBook] != 1+2*instrument+side || order[layout.OrderPrevious] != previous || (previous != 0 && price < best) {
					s.t.Fatalf("instrument %d, side %d: order %v behind %d at %d", instrument, side, order, previous, best)
				}
				previous, best = link, price
				linked++
			}
		}
	}
	return linked
}

// money is what all accounts and clearing accounts have, less what was deposited and not withdrawn.
func (s *state) money() (difference int64) {
	for number := range s.pages {
		switch fields := s.fields(number); layout.PageKind(number) {
		case layout.KindAccount:
			difference += fields[layout.Cash] + fields[layout.Locked]
		case layout.KindBook:
			difference += fields[layout.ClearingCash]
		case layout.KindMachine:
			difference += fields[layout.Withdrawn] - fields[layout.Deposited]
		}
	}
	return difference
}

// Whatever step a machine stands after, its books, slots and locks are in order and no money was made: a lock goes to
// its owner or to the fee account.
//
// rule: 01-R06
// rule: 02-R06
// rule: 02-R08
// rule: 02-R09
// rule: 04-R04
// rule: 04-R13
// rule: 04-R17
func TestBooksSlotsAndLocksAreInOrderAfterAnySteps(t *testing.T) {
	size, most := testSize("test", 4), int64(0)
	for _, v := range harness.LoadVectors(t) {
		var r *edge.Runner
		s := &state{t: t, generations: map[int64]int64{}}
		for i := range v.Segments {
			r = v.Runner(t, size, i, r)
			for limit, ended := int64(1), false; !ended; limit = limit%4 + 1 {
				if err := r.Pass(limit); err != nil {
					t.Fatalf("%s: %v", v.Name, err)
				}
				s.pages = r.World.Pages
				resting, linked := s.checkAccounts(), s.checkBooks()
				if resting != linked || s.money() != 0 {
					t.Fatalf("%s, word %d: %d orders rest, %d are linked; %d micros were made", v.Name, r.Cursor, resting, linked, s.money())
				}
				most = max(most, resting)
				idle := s.fields(layout.MachineRegion + layout.MachineRegisters)[layout.RegisterPhase] == machine.PhaseFetch
				ended = idle && r.Cursor == int64(len(r.Segment.Words))
			}
		}
	}
	if most < 10 {
		t.Errorf("only %d orders ever rested", most)
	}
}
