package soundness_test

import (
	"testing"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/native/poseidon"
)

// payCheats are about cash that leaves.
func payCheats() []cheat {
	pays := func(kind int64, lie func(s *scene) *edge.Cheat) func(s *scene) *edge.Cheat {
		return func(s *scene) *edge.Cheat {
			if s.register(layout.RegisterKind) != kind {
				return nil
			}
			return lie(s)
		}
	}
	return []cheat{
		{name: "withdraw another amount", vector: "cash", table: "pay", lie: set(layout.RegisterAmount, 5), off: offSteps},
		{name: "a withdrawal that is called a transfer", vector: "cash", table: "pay", lie: pays(machine.KindWithdraw, func(*scene) *edge.Cheat {
			return setting(layout.RegisterKind, machine.KindTransfer)
		}), off: offSteps},
		{name: "transfer to another account", vector: "cash", table: "pay", lie: pays(machine.KindTransfer, func(*scene) *edge.Cheat {
			return setting(layout.RegisterTo, 19)
		}), off: offSteps},
		{
			name: "withdraw to another owner", vector: "cash", table: "pay",
			lie: pays(machine.KindWithdraw, func(s *scene) *edge.Cheat {
				return forging(tupleAt(accountPage(s.register(layout.RegisterAccount)), headerTuple), func(cells []frontend.Variable) {
					cells[0] = element(0xbad)
				})
			}), off: offMemory,
		},
		{
			name: "leave a withdrawal out of the outbox", vector: "cash", table: "pay",
			lie: pays(machine.KindWithdraw, func(*scene) *edge.Cheat {
				return lying(liar{hash: func(tag int64, elements []frontend.Variable, honest frontend.Variable) frontend.Variable {
					if tag == poseidon.TagOutbox {
						return evaluate.Value(elements[0])
					}
					return honest
				}})
			}), off: []string{"sum:hashes"},
		},
		{name: "a slow value that is none", vector: "cash", table: "pay", lie: set(layout.RegisterSlow, 1<<40), off: offSteps},
		{name: "pay without a refresh", vector: "cash", table: "refresh", lie: take("pay"), off: offRequire},
		{name: "end a refresh before its positions", vector: "cash", table: "take", lie: take("finish"), off: offRequire},
		{name: "refresh another account", vector: "cash", table: "refresh", lie: set(layout.RegisterRefresh, 19), off: offSteps},
		{name: "refresh only what is stale", vector: "cash", table: "refresh", lie: set(layout.RegisterForce, 0), off: offSteps},
		{
			name: "leave out a position", vector: "positions", table: "take",
			lie: func(s *scene) *edge.Cheat {
				instrument := s.register(layout.RegisterPosition) - 1
				page := accountPage(s.register(layout.RegisterRefresh)) + layout.AccountPositions
				next := s.fields(page)[instrument*layout.PositionRecord+layout.PositionNext]
				if next == 0 {
					return nil
				}
				return setting(layout.RegisterPosition, next)
			}, off: offSteps,
		},
	}
}

// expiryCheats are about settlement.
func expiryCheats() []cheat {
	readings := func(underlying, day int64) int64 {
		place := day % machine.ReadingDays
		return tupleAt(layout.MachineRegion+layout.MachineReadings+2*underlying+place/16, place%16/4)
	}
	return []cheat{
		{
			name: "settle at another price", vector: "expiry", table: "settle",
			lie: func(s *scene) *edge.Cheat {
				listed := s.fields(instrumentPage(0))
				if s.clockS() < listed[layout.ExpiryS] || listed[layout.InstrumentState] != 1 {
					return nil
				}
				day := listed[layout.ExpiryS] / machine.DayS
				cell := int(day % machine.ReadingDays % 4)
				return forging(readings(0, day), func(cells []frontend.Variable) {
					cells[cell] = addTo(cells[cell], layout.KindReadings, 0, layout.ReadingRecord+layout.ReadingCumulative, 1_800_000)
				})
			}, off: offMemory,
		},
		{name: "a position in a settled instrument that is not swept", vector: "expiry", table: "sweep", lie: take("finish"), off: offRequire},
		{
			name: "another's payoff", vector: "expiry", table: "sweep",
			lie: func(s *scene) *edge.Cheat {
				page := instrumentPage(s.register(layout.RegisterPosition) - 1)
				return forging(tupleAt(page, 0), func(cells []frontend.Variable) {
					cells[1] = addTo(cells[1], layout.KindInstrument, 1, layout.Payoff, 1_000)
				})
			}, off: offMemory,
		},
		{name: "sweep for another account", vector: "expiry", table: "sweep", lie: func(s *scene) *edge.Cheat {
			return setting(layout.RegisterRefresh, 16+(s.register(layout.RegisterRefresh)-15)%4)
		}, off: offSteps},
	}
}

// clockS is the clock's second.
func (s *scene) clockS() int64 {
	return s.fields(layout.MachineRegion + layout.MachineHeader)[layout.ClockMs] / 1000
}

// rule: 03-R17
// rule: 03-R18
// rule: 05-R10
// rule: 07-R02
// rule: 07-R05
func TestMoneyCannotBeCheated(t *testing.T) {
	playAll(t, append(payCheats(), expiryCheats()...))
}
