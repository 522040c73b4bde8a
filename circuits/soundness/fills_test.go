package soundness_test

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/steps"
)

// tupleAt is the address of a tuple of a page.
func tupleAt(page, tuple int64) int64 { return page*(layout.Cells/steps.TupleCells) + tuple }

// Tuples of the records of an account in an underlying, and of an instrument.
const (
	headerTuple = 0
	sumsTuple   = 1
	riskTuple   = 2
)

func accountPage(account int64) int64 { return account * layout.AccountPages }

func instrumentPage(instrument int64) int64 { return layout.InstrumentRegion + 2*instrument }

// positionTuple is where an account's position in an instrument lies, and its cell there.
func positionTuple(account, instrument int64) (address, cell int64) {
	page := accountPage(account) + layout.AccountPositions + instrument/16*layout.AccountGroup
	return tupleAt(page, instrument%16/4), instrument % 4
}

// addTo adds a number to a field of a cell.
func addTo(cell frontend.Variable, kind, place, field int, by int64) frontend.Variable {
	offset := 0
	for _, slot := range layout.Packing[kind][place] {
		if slot.Field == field {
			value := evaluate.Value(cell)
			change := new(big.Int).Lsh(big.NewInt(by), uint(offset))
			return *value.Add(&value, new(fr.Element).SetBigInt(change))
		}
		offset += slot.Bits
	}
	panic("the cell has no such field")
}

// forging reads a tuple otherwise than it is.
func forging(address int64, change func(cells []frontend.Variable)) *edge.Cheat {
	return lying(liar{open: func(at int64, _ *frontend.Variable, cells []frontend.Variable) {
		if at == address {
			change(cells)
		}
	}})
}

// remembering reads a tuple the second time as it was the first time: a stale read.
func remembering(address int64) *edge.Cheat {
	var last frontend.Variable
	var cells []frontend.Variable
	return lying(liar{open: func(at int64, now *frontend.Variable, as []frontend.Variable) {
		switch {
		case at != address:
		case cells == nil:
			last, cells = *now, append([]frontend.Variable(nil), as...)
		default:
			*now = last
			copy(as, cells)
		}
	}})
}

// maker is the account of the order that FILL is about.
func (s *scene) maker() int64 { return s.register(layout.RegisterTarget) / machine.Slots }

// lots is an account's position in the instrument of the order in progress.
func (s *scene) lots(account int64) int64 {
	instrument := s.register(layout.RegisterInstrument)
	page := accountPage(account) + layout.AccountPositions + instrument/16*layout.AccountGroup
	return s.fields(page)[instrument%16*layout.PositionRecord+layout.PositionSize]
}

var (
	offSteps   = []string{"sum:steps"}
	offRequire = []string{"assert:steps.(*Step).Require"}
	offMemory  = []string{"sum:memory of 4"}
)

func set(register int, value int64) func(*scene) *edge.Cheat {
	return func(*scene) *edge.Cheat { return setting(register, value) }
}

func take(table string) func(*scene) *edge.Cheat {
	return func(*scene) *edge.Cheat { return taking(table) }
}

// readCheats are about what FILL reads.
func readCheats() []cheat {
	return []cheat{
		{
			name: "two positions of one account in an instrument", vector: "reduce_only", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				account := s.register(layout.RegisterAccount)
				if s.lots(account) == 0 {
					return nil
				}
				at, cell := positionTuple(account, s.register(layout.RegisterInstrument))
				return forging(at, func(cells []frontend.Variable) { cells[cell] = element(0) })
			}, off: offMemory,
		},
		{
			name: "more cash than there is", vector: "margin", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				return forging(tupleAt(accountPage(s.register(layout.RegisterAccount)), headerTuple), func(cells []frontend.Variable) {
					cells[1] = addTo(cells[1], layout.KindAccount, 1, layout.Cash, 1_000_000_000)
				})
			}, off: offMemory,
		},
		{
			name: "a stale read of the maker's cash", vector: "priority", table: "fill", steps: 2,
			lie: func(s *scene) *edge.Cheat { return remembering(tupleAt(accountPage(s.maker()), headerTuple)) }, off: offMemory,
		},
		{
			name: "use an older sheet: sums pass for fresh ones", vector: "positions", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				account := s.maker()
				epoch := s.fields(layout.MachineRegion + layout.MachineUnderlyings)[layout.RiskEpoch]
				behind := epoch - s.fields(accountPage(account))[layout.Epoch]
				if behind == 0 {
					return nil
				}
				return forging(tupleAt(accountPage(account), riskTuple), func(cells []frontend.Variable) {
					cells[2] = addTo(cells[2], layout.KindRisk, 10, layout.Epoch, behind)
				})
			}, off: offMemory,
		},
		{
			name: "use an older sheet: the entry that is no longer in force", vector: "positions", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				page := instrumentPage(s.register(layout.RegisterInstrument))
				buffer := s.fields(layout.MachineRegion + layout.MachineUnderlyings)[layout.SheetBuffer]
				if s.fields(page)[layout.Entries+(1-int(buffer))*layout.EntryRecord+layout.EntryTag] == 0 {
					return nil
				}
				cellsOfPage := s.runner.World.Pages[page]
				old := cellsOfPage[4*(2-buffer):]
				return forging(tupleAt(page, 1+buffer), func(cells []frontend.Variable) {
					for i := range cells {
						cells[i] = old[i] // buffer 0 is tuple 1
					}
				})
			}, off: offMemory,
		},
		{
			name: "sums without a scenario", vector: "margin", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				return forging(tupleAt(instrumentPage(s.register(layout.RegisterInstrument)), 1+
					s.fields(layout.MachineRegion + layout.MachineUnderlyings)[layout.SheetBuffer]), func(cells []frontend.Variable) {
					cells[0] = element(0)
				})
			}, off: offMemory,
		},
	}
}

// fillCheats are about which fill is made, and what is done instead of it.
func fillCheats() []cheat {
	return []cheat{
		{
			name: "trade through a better price", vector: "priority", table: "fill",
			lie: func(s *scene) *edge.Cheat {
				next := s.order(s.register(layout.RegisterTarget))[layout.OrderNext]
				if next == 0 {
					return nil
				}
				return setting(layout.RegisterTarget, next-1)
			}, off: offSteps,
		},
		{name: "fill beyond what is left", vector: "reduce_only", table: "fill", lie: set(layout.RegisterLeft, 90_000), off: offSteps},
		{name: "fill for another account", vector: "priority", table: "fill", lie: set(layout.RegisterAccount, 20), off: offSteps},
		{name: "fill the other way", vector: "priority", table: "fill", lie: func(s *scene) *edge.Cheat {
			return setting(layout.RegisterSide, 1-s.register(layout.RegisterSide))
		}, off: offSteps},
		{name: "forget that an order reduces only", vector: "reduce_only", table: "fill", lie: func(s *scene) *edge.Cheat {
			if s.register(layout.RegisterTerms) != 1 {
				return nil
			}
			return setting(layout.RegisterTerms, 0)
		}, off: offSteps},
		{name: "pass over the head that is to be filled", vector: "priority", table: "fill", lie: take("match"), off: offRequire},
		{name: "rest instead of a fill", vector: "priority", table: "fill", lie: take("rest"), off: offRequire},
		{name: "judge the maker by stale sums", vector: "positions", table: "refresh", lie: func(s *scene) *edge.Cheat {
			if s.register(layout.RegisterRefreshBack) != machine.PhaseMatch {
				return nil
			}
			return taking("match")
		}, off: offRequire},
		{name: "stop before the last head", vector: "priority", table: "match", lie: set(layout.RegisterHeads, machine.MaxMakers), off: offSteps},
		{name: "keep the fills of an order that is killed", vector: "times_in_force", table: "undo", lie: take("done"), off: offRequire},
		{name: "publish the fills of an order that is killed", vector: "times_in_force", table: "undo", lie: take("publish"), off: offRequire},
		{name: "take back one fill less", vector: "times_in_force", table: "undo", lie: set(layout.RegisterFills, 1), off: offSteps},
		{
			name: "take a fill back at another price", vector: "times_in_force", table: "undo",
			lie: func(s *scene) *edge.Cheat {
				fill := s.register(layout.RegisterFills) - 1
				at := tupleAt(layout.MachineRegion+layout.MachineJournal+fill/8, fill%8/4)
				return forging(at, func(cells []frontend.Variable) {
					cells[fill%4] = addTo(cells[fill%4], layout.KindJournal, 0, layout.JournalPrice, 100)
				})
			}, off: offMemory,
		},
	}
}

// rule: 04-R05
// rule: 04-R10
// rule: 04-R12
// rule: 04-R15
// rule: 05-R08
func TestFillsCannotBeCheated(t *testing.T) {
	playAll(t, append(readCheats(), fillCheats()...))
}

// playAll plays every vector that cheats are for.
func playAll(t *testing.T, cheats []cheat) {
	byVector := map[string][]cheat{}
	for _, c := range cheats {
		byVector[c.vector] = append(byVector[c.vector], c)
	}
	for vector, list := range byVector {
		play(t, vector, list)
	}
}
