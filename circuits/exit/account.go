package exit

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/poseidon"
	"miletus/circuits/tree"
)

const (
	// Most is how many positions one proof walks over.
	Most = 12
	// Done is the cursor at the end of an account.
	Done = 1<<32 - 1

	accountBits    = 18 // accounts that the tree has pages for
	instrumentBits = 12
	linkBits       = 13 // 1 + instrument
	underlyingBits = 2
	walkBits       = 24 // of an account in Walk; a cursor has 32
	cursorBits     = 32
	sumBits        = 64
	slowBits       = 16 // a slow mark is kept at 2^16 times a tick (06-R09)
)

// AccountPublic is what a proof of an account's worth says, in the order of its public inputs (spec 08-R33).
type AccountPublic struct {
	Root  frontend.Variable `gnark:",public"`
	Owner frontend.Variable `gnark:",public"`
	Walk  frontend.Variable `gnark:",public"` // account (24 bits), cursor before (32), cursor after (32)
	Sums  frontend.Variable `gnark:",public"` // sum before + 2^63 (64 bits), sum after + 2^63 (64)
}

// Held is a position on the walk: its page, and its instrument's.
type Held struct{ Position, Instrument Page }

// Account is the circuit `exit`. A cursor is 0 before the header, Done behind the last position, and between them
// underlying x 2^13 + 1 + instrument of the position that comes next.
type Account struct {
	Public     AccountPublic
	Number     frontend.Variable
	Underlying frontend.Variable // of the position that it begins at; 0 at the beginning
	Link       frontend.Variable // 1 + instrument of it; 0 at the beginning
	Before     frontend.Variable // the sum before + 2^63
	Heads      [machine.MaxUnderlyings][tree.Cells]frontend.Variable
	Nodes      [tree.Depth]Node // over the heads, which lie side by side
	Held       []Held
}

// NewAccount is an empty circuit of Most positions.
func NewAccount() frontend.Circuit { return &Account{Held: make([]Held, Most)} }

// Define is what gnark calls.
func (c *Account) Define(api frontend.API) error {
	DefineAccount(bus.New(api, rangeBits), c)
	return nil
}

// place is where a walk is: before the position of that link in the list of that underlying, or at the end if the
// link is 0.
type place struct{ underlying, link integers.Integer }

// DefineAccount holds that the owner is the account's, that the walk goes on from the cursor before over as many
// positions as there is room for or to the account's end, and that the sums differ by what lies between: cash and
// locked at the beginning, and each position that was passed.
func DefineAccount(b bus.Bus, c *Account) {
	api := b.API()
	r := &reader{integers.New(b), api, poseidon.New(api), bus.Settle(api, c.Public.Root)}
	account := r.cut(c.Number, accountBits)
	r.showHeads(account, c)
	cash := r.get(layout.KindAccount, layout.Cash, c.Heads[0][:])
	locked := r.get(layout.KindAccount, layout.Locked, c.Heads[0][:])
	api.AssertIsEqual(c.Public.Owner, c.Heads[0][0])
	heads := make([]integers.Integer, machine.MaxUnderlyings)
	for u := range heads {
		heads[u] = r.get(riskKind(int64(u)), layout.FirstPosition, c.Heads[u][:])
	}
	link, underlying := r.Unsigned(c.Link, linkBits), r.Unsigned(c.Underlying, underlyingBits)
	begins := r.IsZero(link)
	api.AssertIsEqual(api.Mul(begins.Value, c.Underlying), 0) // the cursor 0, and no other without a position
	before := r.Unsigned(c.Before, sumBits)
	sum := r.Add(before, r.Mul(begins, r.Add(cash, locked)))
	next := r.nextLists(heads)
	first := r.choosePlace(begins, next[0], place{underlying, link})
	at := first
	for i := range c.Held {
		present := r.Not(r.IsZero(at.link))
		following, worth := r.pass(present, account, at, &c.Held[i])
		sum = r.Add(sum, worth)
		at = r.choosePlace(present, r.goOn(at, following, next), at)
	}
	finished := r.IsZero(at.link)
	cursor := r.Select(finished, integers.Constant(Done), r.cursor(at))
	after := r.Unsigned(sum.Value, sumBits)
	walk := api.Add(c.Number, shift(api, r.cursor(place{underlying, link}).Value, walkBits), shift(api, cursor.Value, walkBits+cursorBits))
	api.AssertIsEqual(c.Public.Walk, walk)
	api.AssertIsEqual(c.Public.Sums, api.Add(c.Before, shift(api, after.Value, sumBits)))
}

// showHeads holds that the heads are the account's first pages: its header, and its risk in each underlying.
func (r *reader) showHeads(account number, c *Account) {
	lowest := make([]frontend.Variable, machine.MaxUnderlyings)
	for u := range lowest {
		lowest[u] = r.hasher.HashPage(c.Heads[u][:])
		r.api.AssertIsEqual(c.Nodes[0][u], lowest[u])
	}
	at := accountPage(account, layout.AccountHeader)
	r.climb(integers.Constant(1), at, 1, r.hasher.HashNode(c.Nodes[0][:]), c.Nodes[1:])
}

// accountPage is the number of an account's page at an offset: 2,048 pages an account.
func accountPage(account number, offset int64) number {
	at := append(fixed(offset, 11), account...)
	return append(at, fixed(0, digitBits*tree.Depth-len(at))...)
}

// nextLists gives for each underlying, and for the beginning before the first, where the next list that is not empty
// begins; the end if there is none.
func (r *reader) nextLists(heads []integers.Integer) []place {
	zero := integers.Constant(0)
	next := make([]place, len(heads)+1)
	next[len(heads)] = place{zero, zero}
	for u := len(heads) - 1; u >= 0; u-- {
		none := r.IsZero(heads[u])
		next[u] = r.choosePlace(none, next[u+1], place{integers.Constant(int64(u)), heads[u]})
	}
	return next
}

// goOn is the place behind a position: the one that follows in its list, or else where the next list begins.
func (r *reader) goOn(at place, following integers.Integer, next []place) place {
	zero := integers.Constant(0)
	behind := place{zero, zero}
	for u := range int64(machine.MaxUnderlyings) {
		is := r.IsEqual(at.underlying, integers.Constant(u))
		behind = r.choosePlace(is, next[u+1], behind)
	}
	return r.choosePlace(r.IsZero(following), behind, place{at.underlying, following})
}

// choosePlace is the first place where the bit is 1, else the second.
func (r *reader) choosePlace(bit integers.Integer, x, y place) place {
	return place{r.Select(bit, x.underlying, y.underlying), r.Select(bit, x.link, y.link)}
}

// cursor is underlying x 2^13 + link.
func (r *reader) cursor(at place) integers.Integer {
	return r.Add(r.Mul(at.underlying, integers.Constant(1<<linkBits)), at.link)
}

// pass shows a position and its instrument where there is one, and gives the link behind it and its worth. Both are 0
// where there is none.
func (r *reader) pass(present integers.Integer, account number, at place, held *Held) (following, worth integers.Integer) {
	instrument := r.cut(r.Sub(at.link, present).Value, instrumentBits)
	page := append(append(fixed(layout.AccountPositions, 3), instrument[4:]...), account...)
	r.show(present, append(page, fixed(0, digitBits*tree.Depth-len(page))...), &held.Position)
	definition := append(fixed(0, 1), instrument...)
	region := fixed(layout.InstrumentRegion>>len(definition), digitBits*tree.Depth-len(definition))
	r.show(present, append(definition, region...), &held.Instrument)

	cell := r.pick(r.choose(instrument[:4]), held.Position.Cells[:])
	position := r.unpack(layout.KindPositions, 0, r.api.Mul(present.Value, cell))
	state := r.get(layout.KindInstrument, layout.InstrumentState, held.Instrument.Cells[:])
	payoff := r.get(layout.KindInstrument, layout.Payoff, held.Instrument.Cells[:])
	slow := r.get(layout.KindInstrument, layout.SlowMark, held.Instrument.Cells[:])
	return position[2], r.value(position[0], state, payoff, slow)
}

// value is what a position is worth: a long's slow mark rounded down, a short's up (05-R10); a settled instrument's
// payoff.
func (r *reader) value(size, state, payoff, slow integers.Integer) integers.Integer {
	long, short := r.Parts(size)
	down, part := r.Split(slow, slowBits)
	up := r.Add(down, r.Not(r.IsZero(part)))
	settled := r.IsEqual(state, integers.Constant(stateSettled))
	down, up = r.Select(settled, payoff, down), r.Select(settled, payoff, up)
	return r.Sub(r.Mul(long, down), r.Mul(short, up))
}

// States of an instrument.
const (
	stateListed  = 1
	stateSettled = 2
)

// riskKind is the kind of the page of an account's risk in an underlying; the first is the header's too.
func riskKind(underlying int64) int {
	if underlying == 0 {
		return layout.KindAccount
	}
	return layout.KindRisk
}
