// Package bus ties the tables of a proof together: logup sums (log-derivative lookups) whose challenges come
// from one Pedersen commitment, and exact range tables. What a tuple means is no business of this package.
//
// A sum adds count / (gamma - t0 - beta t1 - beta^2 t2 - ...) over all that is pushed to it, and must be zero:
// what one table gives, others take, as often. Whatever is pushed is committed to before the challenges are
// known; that is done here, so that no table can forget it.
package bus

import (
	"fmt"

	"github.com/consensys/gnark/frontend"
)

// Sum names a logup sum. Its tuples have one width, so that no tuple can pass for a longer one with zeros.
type Sum struct {
	Name  string
	Width int
}

// Bus is what tables and gadgets push to.
type Bus interface {
	// API is where the constraints go.
	API() frontend.API
	// Push adds count times the tuple; a negative count takes it away.
	Push(sum Sum, count frontend.Variable, tuple ...frontend.Variable)
	// PushChange adds (count + delta change) times the tuple, delta a challenge of its own: counts and changes
	// of one tuple must each add up to zero.
	PushChange(sum Sum, count, change frontend.Variable, tuple ...frontend.Variable)
	// Exchange takes the tuple `taken` away and adds `given`, `enabled` times each. An element of `given` that
	// is nil is as taken, and is paid for once. The caller answers for enabled being 0 or 1.
	Exchange(sum Sum, enabled frontend.Variable, taken, given []frontend.Variable)
	// Small holds v in [0, 2^bits); there must be a range table of so many bits.
	Small(v frontend.Variable, bits int)
	// RangeBits lists the widths of the range tables, rising.
	RangeBits() []int
}

// entry is one push: count + delta change over gamma - tuple.
type entry struct {
	count, change frontend.Variable // change is nil where there is none
	tuple         []frontend.Variable
}

// exchange is one pair of pushes; what is nil in given is as in taken.
type exchange struct {
	enabled      frontend.Variable
	taken, given []frontend.Variable
}

// account is all that was pushed to one sum.
type account struct {
	sum       Sum
	entries   []entry
	exchanges []exchange
}

// Logup is the bus of a circuit. It closes itself when the circuit is defined: nothing has to be called.
type Logup struct {
	api       frontend.API
	accounts  map[string]*account
	order     []*account
	committed []frontend.Variable
	ranges    []*rangeTable
	closed    bool
}

// New makes the one bus of a circuit, with a range table for each of rangeBits (rising, different, 1..16).
func New(api frontend.API, rangeBits ...int) *Logup {
	b := &Logup{api: api, accounts: map[string]*account{}}
	for i, bits := range rangeBits {
		if bits < 1 || bits > 16 || (i > 0 && bits <= rangeBits[i-1]) {
			panic(fmt.Sprintf("bus: range tables of %v bits: give rising widths from 1 to 16", rangeBits))
		}
		b.ranges = append(b.ranges, &rangeTable{bits: bits})
	}
	api.Compiler().Defer(b.close)
	return b
}

// API is where the constraints go.
func (b *Logup) API() frontend.API { return b.api }

// RangeBits lists the widths of the range tables, rising.
func (b *Logup) RangeBits() []int {
	bits := make([]int, len(b.ranges))
	for i, table := range b.ranges {
		bits[i] = table.bits
	}
	return bits
}

// Push adds count times the tuple to the sum.
func (b *Logup) Push(sum Sum, count frontend.Variable, tuple ...frontend.Variable) {
	b.push(sum, entry{count: count, tuple: tuple})
	b.commit(count)
}

// PushChange adds (count + delta change) times the tuple to the sum.
func (b *Logup) PushChange(sum Sum, count, change frontend.Variable, tuple ...frontend.Variable) {
	b.push(sum, entry{count: count, change: change, tuple: tuple})
	b.commit(count, change)
}

// Exchange takes the tuple `taken` away and adds `given`, `enabled` times each.
func (b *Logup) Exchange(sum Sum, enabled frontend.Variable, taken, given []frontend.Variable) {
	a := b.account(sum, len(taken))
	if len(taken) != len(given) {
		panic(fmt.Sprintf("bus: %s: %d elements for %d", sum.Name, len(given), len(taken)))
	}
	a.exchanges = append(a.exchanges, exchange{enabled, taken, given})
	b.commit(enabled)
	b.commit(taken...)
	for _, v := range given {
		if v != nil {
			b.commit(v)
		}
	}
}

func (b *Logup) push(sum Sum, e entry) {
	a := b.account(sum, len(e.tuple))
	a.entries = append(a.entries, e)
	b.commit(e.tuple...)
}

// account finds the sum's account; the same name with another width is a mistake of the caller, and panics.
func (b *Logup) account(sum Sum, width int) *account {
	if b.closed {
		panic("bus: pushed to after the circuit was closed")
	}
	a := b.accounts[sum.Name]
	if a == nil {
		a = &account{sum: sum}
		b.accounts[sum.Name] = a
		b.order = append(b.order, a)
	}
	if a.sum != sum || sum.Width != width {
		panic(fmt.Sprintf("bus: %s: a tuple of %d for a sum of width %d", sum.Name, width, a.sum.Width))
	}
	return a
}

// commit takes wires into the commitment; constants need none.
func (b *Logup) commit(values ...frontend.Variable) {
	for _, v := range values {
		if _, constant := b.api.Compiler().ConstantValue(v); !constant {
			b.committed = append(b.committed, v)
		}
	}
}
