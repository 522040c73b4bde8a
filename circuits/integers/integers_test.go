package integers_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
)

// floorMulDiv is the reference: floor(x y / d) over whole numbers of any size.
func floorMulDiv(x, y, d int64) *big.Int {
	product := new(big.Int).Mul(big.NewInt(x), big.NewInt(y))
	quotient, rest := new(big.Int).QuoRem(product, big.NewInt(d), new(big.Int))
	if rest.Sign() < 0 {
		quotient.Sub(quotient, big.NewInt(1))
	}
	return quotient
}

func signed(v int64) frontend.Variable { return big.NewInt(v) }

func boolean(v bool) frontend.Variable {
	if v {
		return 1
	}
	return 0
}

// rule: 01-R02
func TestMulDivIsFloorAndCeiling(t *testing.T) {
	define := func(b bus.Bus, in []frontend.Variable) {
		a := integers.New(b)
		x, y := a.Signed(in[0], 62), a.Unsigned(in[1], 31)
		d := a.Between(in[2], big.NewInt(1), big.NewInt(1<<31-1))
		b.API().AssertIsEqual(a.MulDiv(x, y, d).Value, in[3])
		inner := a.Between(in[0], big.NewInt(-(1<<61 - 1)), big.NewInt(1<<61-1))
		b.API().AssertIsEqual(a.MulDivUp(inner, y, d).Value, in[4])
		b.API().AssertIsEqual(a.MulDiv(x, y, integers.Constant(10_000)).Value, in[5])
	}
	system, err := harness.Compile(define, 6, []int{8, 13})
	if err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(1, 2))
	edges := [][3]int64{
		{0, 0, 1}, {-1, 1, 2}, {1, 1, 2}, {-(1<<61 - 1), 1<<31 - 1, 1}, {1<<61 - 1, 1<<31 - 1, 1}, {-7, 3, 21}, {-22, 1, 7},
		{1<<61 - 1, 1<<31 - 1, 1<<31 - 1}, {-(1<<61 - 1), 1, 1<<31 - 1},
	}
	for range 40 {
		edges = append(edges, [3]int64{
			(source.Int64N(1<<62) - 1<<61) >> source.IntN(61), source.Int64N(1 << 31), 1 + source.Int64N(1<<(1+source.IntN(30))),
		})
	}
	for _, e := range edges {
		x, y, d := e[0], e[1], e[2]
		if x == -1<<61 {
			x++
		}
		floor, ceiling := floorMulDiv(x, y, d), floorMulDiv(-x, y, d)
		ceiling.Neg(ceiling)
		fixed := floorMulDiv(x, y, 10_000)
		inputs := []frontend.Variable{signed(x), y, d, floor, ceiling, fixed}
		if err := harness.Solve(system, inputs); err != nil {
			t.Fatalf("mul_div(%d, %d, %d) is not %v and %v: %v", x, y, d, floor, ceiling, err)
		}
		for i := 3; i < 6; i++ {
			inputs[i] = new(big.Int).Add(inputs[i].(*big.Int), big.NewInt(1))
			if harness.Solve(system, inputs) == nil {
				t.Fatalf("mul_div(%d, %d, %d) may be one more", x, y, d)
			}
			inputs[i] = new(big.Int).Sub(inputs[i].(*big.Int), big.NewInt(1))
		}
	}
}

func TestComparisons(t *testing.T) {
	define := func(b bus.Bus, in []frontend.Variable) {
		a := integers.New(b)
		x, y := a.Signed(in[0], 63), a.Signed(in[1], 63)
		for i, got := range []integers.Integer{
			a.IsLess(x, y), a.IsAtMost(x, y), a.IsEqual(x, y), a.IsNegative(x), a.Min(x, y), a.Max(x, y), a.Abs(x),
			a.Select(a.IsLess(x, y), a.Neg(x), a.Add(x, y)), a.Or(a.IsZero(x), a.IsZero(y)), a.And(a.IsZero(x), a.IsZero(y)),
		} {
			b.API().AssertIsEqual(got.Value, in[2+i])
		}
	}
	system, err := harness.Compile(define, 12, []int{11})
	if err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(3, 4))
	values := []int64{0, 1, -1, 1<<62 - 1, -1 << 62, 5, -5}
	for range 3 {
		values = append(values, source.Int64N(1<<62), -source.Int64N(1<<40))
	}
	for _, x := range values {
		for _, y := range values {
			chosen := x + y
			if x < y {
				chosen = -x
			}
			inputs := []frontend.Variable{
				signed(x), signed(y), boolean(x < y), boolean(x <= y), boolean(x == y), boolean(x < 0),
				signed(min(x, y)), signed(max(x, y)), new(big.Int).Abs(big.NewInt(x)),
				signed(chosen), boolean(x == 0 || y == 0), boolean(x == 0 && y == 0),
			}
			if err := harness.Solve(system, inputs); err != nil {
				t.Fatalf("%d and %d: %v", x, y, err)
			}
		}
	}
}

// rule: 01-R04
func TestBoundsThatLeaveTheFieldAreRefused(t *testing.T) {
	for name, define := range map[string]func(a *integers.Arithmetic, in []frontend.Variable){
		"product": func(a *integers.Arithmetic, in []frontend.Variable) {
			a.Mul(a.Unsigned(in[0], 200), a.Unsigned(in[0], 60))
		},
		"sum": func(a *integers.Arithmetic, in []frontend.Variable) {
			x := a.Unsigned(in[0], 252)
			a.Add(x, x)
		},
		"zero divisor": func(a *integers.Arithmetic, in []frontend.Variable) {
			a.Divide(a.Unsigned(in[0], 8), a.Unsigned(in[0], 8))
		},
		"wide mul_div": func(a *integers.Arithmetic, in []frontend.Variable) {
			a.MulDiv(a.Unsigned(in[0], 63), integers.Constant(1), integers.Constant(2))
		},
		"not a bit": func(a *integers.Arithmetic, in []frontend.Variable) {
			a.Select(a.Unsigned(in[0], 2), integers.Constant(1), integers.Constant(2))
		},
	} {
		_, err := harness.Compile(func(b bus.Bus, in []frontend.Variable) { define(integers.New(b), in) }, 1, []int{8})
		if err == nil || !strings.Contains(err.Error(), "integers: ") {
			t.Errorf("%s: compiled, or refused without saying so: %v", name, err)
		}
	}
}

func TestIsBelow(t *testing.T) {
	bound := new(big.Int).SetUint64(0x1_0005)
	define := func(b bus.Bus, in []frontend.Variable) {
		a := integers.New(b)
		below := a.IsBelow(a.Unsigned(in[0], 16), a.Unsigned(in[1], 8), 8, bound)
		b.API().AssertIsEqual(below.Value, in[2])
	}
	system, err := harness.Compile(define, 3, []int{8})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []uint64{0, 255, 256, 0xffff, 0x1_0000, 0x1_0004, 0x1_0005, 0x1_0006, 0x1_0100, 0xff_ffff} {
		below := 0
		if v < bound.Uint64() {
			below = 1
		}
		if err := harness.Solve(system, []frontend.Variable{v >> 8, v & 255, below}); err != nil {
			t.Errorf("%#x: %v", v, err)
		}
		if harness.Solve(system, []frontend.Variable{v >> 8, v & 255, 1 - below}) == nil {
			t.Errorf("%#x may be on the other side", v)
		}
	}
}
