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

// cursorAt is where the cursor is among what is carried.
const cursorAt = steps.CarriedCount - 3

// restingCheats are about an order's place in its book.
func restingCheats() []cheat {
	// behind the order that the function names, if it names one
	behind := func(choose func(s *scene, honest int64) (link int64, ok bool)) func(s *scene) *edge.Cheat {
		return func(s *scene) *edge.Cheat {
			link, ok := choose(s, s.honestNeighbour())
			if !ok {
				return nil
			}
			return lying(liar{neighbour: func(int64) int64 { return link }})
		}
	}
	return []cheat{
		{
			name: "jump the queue: before an order of the same price", vector: "ladders", table: "link",
			lie: behind(func(s *scene, honest int64) (int64, bool) {
				if honest == 0 {
					return 0, false
				}
				before := s.order(honest - 1)
				return before[layout.OrderPrevious], before[layout.OrderPrice] == s.register(layout.RegisterPrice)
			}),
			off: []string{"assert:steps.(*Step).linkBefore"},
		},
		{
			name: "jump the queue: at the head of better prices", vector: "ladders", table: "link",
			lie: behind(func(s *scene, honest int64) (int64, bool) {
				return 0, honest != 0 && s.order(honest - 1)[layout.OrderPrice] != s.register(layout.RegisterPrice)
			}),
			off: []string{"assert:steps.(*Step).linkBefore"},
		},
		{
			name: "rest behind a worse price", vector: "ladders", table: "link",
			lie: behind(func(s *scene, honest int64) (int64, bool) {
				following := s.head(s.register(layout.RegisterSide))
				if honest != 0 {
					following = s.order(honest - 1)[layout.OrderNext]
				}
				return following, following != 0
			}),
			off: []string{"assert:steps.(*Step).linkBehind"},
		},
		{
			name: "rest in the other side's list", vector: "ladders", table: "link",
			lie: behind(func(s *scene, _ int64) (int64, bool) {
				link := s.head(1 - s.register(layout.RegisterSide))
				for link != 0 && s.order(link - 1)[layout.OrderNext] != 0 {
					link = s.order(link - 1)[layout.OrderNext]
				}
				return link, link != 0
			}),
			off: []string{"assert:steps.(*Step).linkBehind"},
		},
		{
			name: "rest behind an order that is gone", vector: "ladders", table: "link",
			lie: behind(func(s *scene, _ int64) (int64, bool) {
				return s.register(layout.RegisterAccount)*machine.Slots + 200 + 1, true
			}),
			off: []string{"assert:steps.(*Step).linkBehind"},
		},
	}
}

// honestNeighbour is the order behind which the one in progress belongs, as 1 + name, 0 for the head.
func (s *scene) honestNeighbour() (previous int64) {
	side, price := s.register(layout.RegisterSide), s.register(layout.RegisterPrice)
	for next := s.head(side); next != 0; next = s.order(next - 1)[layout.OrderNext] {
		order := s.order(next - 1)
		if (side == 0 && order[layout.OrderPrice] < price) || (side == 1 && order[layout.OrderPrice] > price) {
			break
		}
		previous = next
	}
	return previous
}

// takes is the lie of who takes the step of another table, sets that of who finds another number in a register.
func takes(name string) func(*scene) *edge.Cheat {
	return func(*scene) *edge.Cheat { return taking(name) }
}

func sets(register int, value int64) func(*scene) *edge.Cheat {
	return func(s *scene) *edge.Cheat {
		if s.register(register) == value {
			return nil
		}
		return setting(register, value)
	}
}

var (
	byRequire = []string{"assert:steps.(*Step).Require"}
	byChain   = []string{"sum:steps"}
	byMemory  = []string{"sum:memory of 4"}
)

// orderCheats are about the way of an order through the machine.
func orderCheats() []cheat {
	const v = "ladders"
	return []cheat{
		{name: "skip the checks of an order", vector: v, table: "enter", lie: takes("ready"), off: byRequire},
		{name: "rest without matching", vector: v, table: "match", lie: takes("rest"), off: byRequire},
		{name: "rest without the fill rule", vector: v, table: "rest", lie: takes("link"), off: byRequire},
		{name: "drop an order that may rest", vector: v, table: "link", lie: takes("done"), off: byRequire},
		{name: "keep an order that is to go", vector: v, table: "unlink", lie: takes("done"), off: byRequire},
		{name: "a better limit", vector: v, table: "ready", lie: sets(layout.RegisterPrice, 200_000), off: byChain},
		{name: "more lots", vector: v, table: "link", lie: sets(layout.RegisterLeft, 200), off: byChain},
		{name: "another's account", vector: v, table: "link", lie: sets(layout.RegisterAccount, 17), off: byChain},
		{name: "an older generation", vector: v, table: "link", lie: sets(layout.RegisterGeneration, 77), off: byChain},
		{name: "an amended order keeps its place", vector: v, table: "reenter", lie: takes("link"), off: byRequire},
		{name: "unlink another's order", vector: v, table: "unlink", lie: unlinkAnother, off: byChain},
		{name: "get a forfeited lock back", vector: v, table: "unlink", lie: keepLock, off: byChain},
		{name: "scan from a later slot", vector: v, table: "scan", lie: sets(layout.RegisterSlot, 255), off: byChain},
		{name: "leave out the slots of a bitmap", vector: v, table: "scan", lie: blindScan, off: byMemory},
		{name: "see an order that is gone", vector: v, table: "scan", steps: 3, lie: staleScan, off: byMemory},
		{name: "clear no more heads", vector: "expiry", table: "clear", lie: sets(layout.RegisterHeads, machine.MaxMakers), off: byChain},
	}
}

// unlinkAnother removes the head of the other side, or of its own, that is another account's.
func unlinkAnother(s *scene) *edge.Cheat {
	target := s.register(layout.RegisterTarget)
	book := layout.InstrumentRegion + 2*((s.order(target)[layout.OrderBook]-1)/2) + 1
	for side := range int64(2) {
		head := s.fields(book)[layout.HeadBid+side]
		if head != 0 && (head-1)/machine.Slots != target/machine.Slots {
			return setting(layout.RegisterTarget, head-1)
		}
	}
	return nil
}

// keepLock takes an eviction for a cancellation.
func keepLock(s *scene) *edge.Cheat {
	if s.register(layout.RegisterCause) != machine.CauseExpired {
		return nil
	}
	return setting(layout.RegisterCause, machine.CauseCancelled)
}

// headerOf is the address of the header of the account in progress.
func (s *scene) headerOf() int64 {
	return s.register(layout.RegisterAccount) * layout.AccountPages * (layout.Cells / steps.TupleCells)
}

// blindScan sees no order at all.
func blindScan(s *scene) *edge.Cheat {
	header := s.headerOf()
	return lying(liar{open: func(address int64, _ *frontend.Variable, cells []frontend.Variable) {
		if address == header {
			cells[2], cells[3] = element(0), element(0)
		}
	}})
}

// staleScan sees the header as it was before the order that was found went: scan, unlink, scan.
func staleScan(s *scene) *edge.Cheat {
	header, count := s.headerOf(), 0
	var last frontend.Variable
	var cells []frontend.Variable
	return lying(liar{open: func(address int64, lastNow *frontend.Variable, cellsNow []frontend.Variable) {
		if address != header {
			return
		}
		count++
		switch count {
		case 1:
			last, cells = *lastNow, append(cells, cellsNow...)
		case 3:
			*lastNow = last
			copy(cellsNow, cells)
		}
	}})
}

// wordCheats are about the words of operations and what authorises them.
func wordCheats() []cheat {
	byHash, bySignature := []string{"sum:hashes"}, []string{"sum:signatures"}
	answer := func(valid int64) func(*scene) *edge.Cheat {
		return func(*scene) *edge.Cheat {
			return lying(liar{signature: func(int64) int64 { return valid }})
		}
	}
	forged := func(s *scene) *edge.Cheat { // the second Cancel of the vector is one that another has signed
		if s.runner.Cursor != 6 {
			return nil
		}
		return answer(1)(s)
	}
	hash := func(*scene) *edge.Cheat {
		return lying(liar{hash: func(int64, []frontend.Variable, frontend.Variable) frontend.Variable { return element(77) }})
	}
	skipWords := func(count int64) func(*scene) *edge.Cheat {
		return func(s *scene) *edge.Cheat {
			return carrying(func(values []frontend.Variable) { values[cursorAt] = element(s.runner.Cursor + count) })
		}
	}
	const v = "authorisation"
	return []cheat{
		{name: "forge a signature", vector: v, table: "cancel", lie: forged, off: bySignature},
		{name: "refuse a good signature", vector: v, table: "place_order", lie: answer(0), off: bySignature},
		{name: "refuse a good signature over another message", vector: v, table: "place_order", lie: hash, off: byHash},
		{name: "refuse a key that is set", vector: v, table: "set_key", lie: answer(0), off: bySignature},
		{name: "refuse a quote sheet's signature", vector: "order_refusals", table: "quote_sheet", lie: answer(0), off: bySignature},
		{name: "refuse an amendment's signature", vector: "ladders", table: "amend", lie: answer(0), off: bySignature},
		{name: "another word than what was posted", vector: v, table: "place_order", lie: otherWord(40), off: []string{"sum:words"}},
		{name: "skip an operation", vector: v, table: "cancel", lie: skipWords(3), off: byChain},
		{name: "skip a word of the inbox", vector: "forced", table: "place_order", lie: skipWords(1), off: byChain},
		{name: "take an operation for no operation", vector: v, table: "cancel", lie: takes("skip"), off: []string{"assert:steps.defineSkip"}},
		{name: "amend as a cancel", vector: "ladders", table: "amend", lie: takes("cancel"), off: []string{"assert:steps.(*Step).Fetch"}},
		{name: "forge a receipt", vector: v, table: "done", lie: hash, off: byHash},
		{name: "an older nonce", vector: v, table: "place_order", lie: olderNonce, off: byMemory},
		{name: "L1 sets a key otherwise", vector: "genesis_to_market", table: "set_key_inbox", lie: otherWord(168), off: []string{"sum:words"}},
	}
}

// otherWord reads one bit of an operation's first word otherwise.
func otherWord(bit uint) func(*scene) *edge.Cheat {
	return func(s *scene) *edge.Cheat {
		first := s.runner.Cursor
		return lying(liar{word: func(index int64, honest frontend.Variable) frontend.Variable {
			if index != first {
				return honest
			}
			word, more := evaluate.Value(honest), *new(fr.Element).SetBigInt(new(big.Int).Lsh(big.NewInt(1), bit))
			return *word.Add(&word, &more)
		}})
	}
}

// olderNonce sends the first operation of the vector again, under the key as it was before it.
func olderNonce(s *scene) *edge.Cheat {
	if s.runner.Cursor != 3 {
		return nil
	}
	return lying(liar{open: func(address int64, _ *frontend.Variable, cells []frontend.Variable) {
		if layout.PageKind(address/(layout.Cells/steps.TupleCells)) == layout.KindKeys {
			cell, one := evaluate.Value(cells[2]), element(1)
			cells[2] = *cell.Sub(&cell, &one)
		}
	}})
}

// allCheats lists those of every file.
func allCheats() []cheat {
	cheats := append(restingCheats(), orderCheats()...)
	return append(cheats, wordCheats()...)
}

// rule: 11-R02
// rule: 02-R09
// rule: 03-R08
// rule: 03-R10
// rule: 04-R13
// rule: 04-R16
// rule: 04-R17
func TestCheatsAreRefusedByWhatTheyCheat(t *testing.T) {
	byVector := map[string][]cheat{}
	for _, c := range allCheats() {
		byVector[c.vector] = append(byVector[c.vector], c)
	}
	for vector, cheats := range byVector {
		play(t, vector, cheats)
	}
}
