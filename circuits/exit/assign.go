package exit

import (
	"fmt"
	"math/big"

	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// Walk is what one proof says of an account, and where it leads.
type Walk struct {
	Account                   int64
	CursorBefore, CursorAfter int64
	SumBefore, SumAfter       int64 // micros
	Owner                     *big.Int
	Positions                 int // that it walks over
}

// walker goes through an account's lists as the circuit does.
type walker struct {
	state            *State
	account          int64
	underlying, link int64
}

// enter stands before the first position of the first list from an underlying on that is not empty.
func (w *walker) enter(from int64) {
	for u := from; u < machine.MaxUnderlyings; u++ {
		first := w.state.get(w.account*layout.AccountPages+u, riskKind(u), layout.FirstPosition)
		if first != 0 {
			w.underlying, w.link = u, first
			return
		}
	}
	w.underlying, w.link = 0, 0
}

// pass gives the pages of the position that comes next and what it is worth, and goes behind it.
func (w *walker) pass() (held Held, worth int64, err error) {
	instrument := w.link - 1
	page := w.account*layout.AccountPages + layout.AccountPositions + instrument/16*layout.AccountGroup
	if held.Position, err = w.state.read(page); err != nil {
		return held, 0, err
	}
	definition := layout.InstrumentRegion + 2*instrument
	if held.Instrument, err = w.state.read(definition); err != nil {
		return held, 0, err
	}
	cells := w.state.Pages[page]
	position := layout.UnpackCell(layout.Packing[layout.KindPositions][instrument%16], &cells[instrument%16])
	worth = position[0] * w.state.price(definition, position[0])
	if w.link = position[2]; w.link == 0 {
		w.enter(w.underlying + 1)
	}
	return held, worth, nil
}

// price is what a lot of an instrument is worth to who holds so many.
func (s *State) price(definition, size int64) int64 {
	if s.get(definition, layout.KindInstrument, layout.InstrumentState) == stateSettled {
		return s.get(definition, layout.KindInstrument, layout.Payoff)
	}
	slow := s.get(definition, layout.KindInstrument, layout.SlowMark)
	if size < 0 {
		slow += 1<<slowBits - 1
	}
	return slow >> slowBits
}

// AssignAccount fills a circuit of `capacity` positions with a walk over an account from a cursor on, at which its
// parts added up to `sum` micros.
func AssignAccount(s *State, account, cursor, sum int64, capacity int) (*Account, *Walk, error) {
	if account < machine.FirstAccount || account >= 1<<accountBits {
		return nil, nil, fmt.Errorf("exit: there is no account %d: they go from %d to %d", account, machine.FirstAccount, 1<<accountBits-1)
	}
	w := &walker{s, account, cursor >> linkBits, cursor % (1 << linkBits)}
	if cursor < 0 || w.underlying >= machine.MaxUnderlyings || (cursor != 0 && w.link == 0) || w.link > 1<<instrumentBits {
		return nil, nil, fmt.Errorf("exit: no proof ends at the cursor %d: take the one that L1 has of the account", cursor)
	}
	c := &Account{Number: account, Underlying: w.underlying, Link: w.link, Before: biased(sum), Held: make([]Held, capacity)}
	walk := &Walk{Account: account, CursorBefore: cursor, SumBefore: sum, SumAfter: sum}
	if err := c.fillHeads(s, account); err != nil {
		return nil, nil, err
	}
	if cursor == 0 {
		header := account * layout.AccountPages
		walk.SumAfter += s.get(header, layout.KindAccount, layout.Cash) + s.get(header, layout.KindAccount, layout.Locked)
		w.enter(0)
	}
	for i := range c.Held {
		if w.link == 0 {
			c.Held[i] = Held{empty(), empty()}
			continue
		}
		held, worth, err := w.pass()
		if err != nil {
			return nil, nil, err
		}
		c.Held[i] = held
		walk.SumAfter += worth
		walk.Positions++
	}
	if walk.CursorAfter = w.underlying<<linkBits | w.link; w.link == 0 {
		walk.CursorAfter = Done
	}
	owner := s.Pages[account*layout.AccountPages][0]
	walk.Owner = owner.BigInt(new(big.Int))
	c.Public = AccountPublic{s.Tree.Root(), walk.Owner, walk.pack(), packSums(walk.SumBefore, walk.SumAfter)}
	return c, walk, nil
}

// fillHeads reads the account's first pages and the nodes over them.
func (c *Account) fillHeads(s *State, account int64) error {
	for u := range int64(machine.MaxUnderlyings) {
		page, err := s.read(account*layout.AccountPages + u)
		if err != nil {
			return err
		}
		c.Heads[u], c.Nodes = page.Cells, page.Nodes
	}
	return nil
}

func (w *Walk) pack() *big.Int {
	return pack([]int64{w.Account, w.CursorBefore, w.CursorAfter}, []uint{walkBits, cursorBits, cursorBits})
}

func packSums(before, after int64) *big.Int {
	sum := new(big.Int).Lsh(biased(after), sumBits)
	return sum.Add(sum, biased(before))
}

// biased is a sum with 2^63 in the place of zero.
func biased(sum int64) *big.Int {
	return new(big.Int).Add(big.NewInt(sum), new(big.Int).Lsh(big.NewInt(1), sumBits-1))
}

// pack puts numbers side by side, the first one lowest.
func pack(numbers []int64, widths []uint) *big.Int {
	sum, offset := new(big.Int), uint(0)
	for i, n := range numbers {
		sum.Add(sum, new(big.Int).Lsh(big.NewInt(n), offset))
		offset += widths[i]
	}
	return sum
}
