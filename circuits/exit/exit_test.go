package exit_test

import (
	"math/big"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/exit"
	"miletus/circuits/internal/harness"
	"miletus/circuits/keys"
	"miletus/circuits/layout"
	"miletus/circuits/tree"
)

// room is how many positions the tests' circuit walks over.
const room = 2

var compileAccount = sync.OnceValues(func() (constraint.ConstraintSystem, error) {
	honest := &exit.Account{Held: make([]exit.Held, room)}
	return harness.Compile(func(b bus.Bus, in []frontend.Variable) {
		c := &exit.Account{Held: make([]exit.Held, room)}
		harness.Fill(in, c)
		exit.DefineAccount(b, c)
	}, len(harness.Flatten(honest)), []int{8})
})

var compileSilence = sync.OnceValues(func() (constraint.ConstraintSystem, error) {
	return harness.Compile(func(b bus.Bus, in []frontend.Variable) {
		c := new(exit.Silence)
		harness.Fill(in, c)
		exit.DefineSilence(b, c)
	}, len(harness.Flatten(new(exit.Silence))), []int{8})
})

// load makes the state of a vector's end.
func load(t testing.TB, v *harness.Vector) *exit.State {
	t.Helper()
	pages := map[string]map[string]int64{}
	for number, page := range v.PagesBefore {
		pages[number] = page
	}
	for number, page := range v.PagesChanged {
		pages[number] = page
	}
	s := &exit.State{Tree: harness.Tree(t, pages), Pages: map[int64][tree.Cells]fr.Element{}}
	for text, page := range pages {
		number := harness.PageNumber(t, text)
		s.Pages[number] = harness.Cells(t, number, page)
	}
	if last := v.Segments[len(v.Segments)-1].RootAfter; s.Tree.Root() != harness.Root(t, last) {
		t.Fatalf("%s: the pages are not those of the end", v.Name)
	}
	return s
}

// field reads a field of a page of the vector's end.
func field(v *harness.Vector, number int64, name int) int64 {
	page, changed := v.PagesChanged[big.NewInt(number).String()]
	if !changed {
		page = v.PagesBefore[big.NewInt(number).String()]
	}
	return page[big.NewInt(int64(name)).String()]
}

// worth adds an account up by looking at every position that it could have: no list is followed.
func worth(v *harness.Vector, account int64) (sum int64, positions int) {
	header := account * layout.AccountPages
	sum = field(v, header, layout.Cash) + field(v, header, layout.Locked)
	for instrument := range int64(4096) {
		page := header + layout.AccountPositions + instrument/16*layout.AccountGroup
		size := field(v, page, int(instrument%16)*layout.PositionRecord+layout.PositionSize)
		if size == 0 {
			continue
		}
		positions++
		definition := layout.InstrumentRegion + 2*instrument
		price := new(big.Rat).SetFrac64(field(v, definition, layout.SlowMark), 1<<16)
		if field(v, definition, layout.InstrumentState) == 2 {
			price = new(big.Rat).SetInt64(field(v, definition, layout.Payoff))
		}
		whole := new(big.Int).Div(price.Num(), price.Denom())
		if size < 0 && !price.IsInt() {
			whole.Add(whole, big.NewInt(1))
		}
		sum += size * whole.Int64()
	}
	return sum, positions
}

// owners lists the accounts of a state that somebody owns.
func owners(s *exit.State) (accounts []int64) {
	for number, cells := range s.Pages {
		if number < layout.InstrumentRegion && number%layout.AccountPages == 0 && !cells[0].IsZero() && number/layout.AccountPages >= 16 {
			accounts = append(accounts, number/layout.AccountPages)
		}
	}
	return accounts
}

// claim walks over a whole account, proof by proof, and solves each.
func claim(t testing.TB, s *exit.State, account int64) (walks []*exit.Walk) {
	t.Helper()
	system, err := compileAccount()
	if err != nil {
		t.Fatal(err)
	}
	var cursor, sum int64
	for cursor != exit.Done {
		c, walk, err := exit.AssignAccount(s, account, cursor, sum, room)
		if err != nil {
			t.Fatal(err)
		}
		if err := harness.Solve(system, harness.Flatten(c)); err != nil {
			t.Fatalf("account %d from cursor %d: %v", account, cursor, err)
		}
		walks = append(walks, walk)
		cursor, sum = walk.CursorAfter, walk.SumAfter
	}
	return walks
}

// rule: 08-R33
// rule: 05-R10
// rule: 11-R11
func TestAnAccountIsWorthWhatItHolds(t *testing.T) {
	most, shorts := 0, 0
	for _, v := range harness.LoadVectors(t) {
		s := load(t, &v)
		for _, account := range owners(s) {
			expected, positions := worth(&v, account)
			walks := claim(t, s, account)
			last := walks[len(walks)-1]
			if last.SumAfter != expected {
				t.Errorf("%s: account %d is worth %d, the proofs say %d", v.Name, account, expected, last.SumAfter)
			}
			if fewest := max(1, (positions+room-1)/room); len(walks) != fewest {
				t.Errorf("%s: account %d of %d positions takes %d proofs", v.Name, account, positions, len(walks))
			}
			if most = max(most, positions); expected < 0 {
				shorts++
			}
		}
	}
	if most <= room {
		t.Errorf("no account has more than %d positions: nothing was proved in parts", most)
	}
}

// rule: 08-R33
func TestAWalkBeginsWhereAProofEnded(t *testing.T) {
	v := harness.LoadVector(t, "positions")
	s := load(t, v)
	account := owners(s)[0]
	for _, cursor := range []int64{-1, 1 << 13, 4 << 13, exit.Done, 4097 + 1} {
		if _, _, err := exit.AssignAccount(s, account, cursor, 0, room); err == nil {
			t.Errorf("a walk from the cursor %d", cursor)
		}
	}
	for _, account := range []int64{-1, 0, 15, 1 << 18} {
		if _, _, err := exit.AssignAccount(s, account, 0, 0, room); err == nil {
			t.Errorf("a walk over account %d", account)
		}
	}
}

// rule: 08-R34
// rule: 11-R12
func TestSilenceIsShownWhereSomebodyHoldsSomething(t *testing.T) {
	system, err := compileSilence()
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, v := range harness.LoadVectors(t) {
		s := load(t, &v)
		for underlying := range int64(4) {
			held := false
			for instrument := range int64(4096) {
				definition := layout.InstrumentRegion + 2*instrument
				held = held || (field(&v, definition, layout.InstrumentState) == 1 &&
					field(&v, definition, layout.InstrumentUnderlying) == underlying && field(&v, definition+1, layout.OpenInterest) > 0)
			}
			c, quiet, err := exit.AssignSilence(s, underlying)
			if (err == nil) != held {
				t.Fatalf("%s: underlying %d, held %v: %v", v.Name, underlying, held, err)
			}
			if !held {
				continue
			}
			shown++
			if err := harness.Solve(system, harness.Flatten(c)); err != nil {
				t.Errorf("%s: underlying %d: %v", v.Name, underlying, err)
			}
			clock := field(&v, layout.MachineRegion, layout.ClockMs)
			tick := field(&v, layout.MachineRegion+layout.MachineUnderlyings+underlying, layout.TickTimeS)
			if quiet.ClockMS != clock || quiet.TickTimeS != tick || tick == 0 {
				t.Errorf("%s: %+v, the state has %d and %d", v.Name, quiet, clock, tick)
			}
		}
	}
	if shown == 0 {
		t.Error("no vector has an underlying that somebody holds")
	}
}

// A change of these is a change of the keys.
func TestConstraintsOfTheCircuits(t *testing.T) {
	for _, c := range []struct {
		circuit     keys.Circuit
		constraints int
	}{{keys.Circuit{Name: "exit", New: exit.NewAccount}, 111_724}, {keys.Circuit{Name: "silence", New: exit.NewSilence}, 17_640}} {
		system, err := keys.Compile(&c.circuit)
		if err != nil {
			t.Fatal(err)
		}
		if got := system.Constraints.GetNbConstraints(); got != c.constraints {
			t.Errorf("%s has %d constraints, not %d", c.circuit.Name, got, c.constraints)
		}
	}
}
