package circuits_test

import (
	"encoding/csv"
	"flag"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"testing"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/hashes"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/memory"
	"miletus/circuits/poseidon"
	"miletus/circuits/signatures"
	"miletus/circuits/tree"
	"miletus/circuits/words"
)

var update = flag.Bool("update", false, "write stats.csv anew")

// unit is something whose price is counted: what n of it take, over inputs of its own each.
type unit struct {
	name   string
	tables []int
	inputs int
	count  int // how many are compiled, and twice as many
	define func(b bus.Bus, in [][]frontend.Variable)
}

// measure compiles n and 2n and gives the constraints of one, and of none.
func measure(t *testing.T, u *unit) (each, fixed string) {
	t.Helper()
	compile := func(n int) int {
		define := func(b bus.Bus, in []frontend.Variable) {
			rows := make([][]frontend.Variable, n)
			for i := range rows {
				rows[i] = in[i*u.inputs : (i+1)*u.inputs]
			}
			u.define(b, rows)
		}
		system, err := harness.Compile(define, n*u.inputs, u.tables)
		if err != nil {
			t.Fatalf("%s: %v", u.name, err)
		}
		return system.GetNbConstraints()
	}
	one, two := compile(u.count), compile(2*u.count)
	return strconv.FormatFloat(float64(two-one)/float64(u.count), 'f', -1, 64), strconv.Itoa(2*one - two)
}

// one makes a unit of what is done with each row of inputs alone.
func one(name string, tables []int, inputs int, define func(b bus.Bus, in []frontend.Variable)) unit {
	return unit{name, tables, inputs, 4, func(b bus.Bus, rows [][]frontend.Variable) {
		for _, in := range rows {
			define(b, in)
		}
	}}
}

func tableName(tables []int) string {
	name := ""
	for _, bits := range tables {
		name += fmt.Sprintf(" 2^%d", bits)
	}
	return name[1:]
}

var (
	bytesOnly = []int{8}
	wide      = []int{8, 13}
)

func hashUnits() []unit {
	use := func(name string, inputs int, hash func(h *poseidon.Hasher, in []frontend.Variable) frontend.Variable) unit {
		return one(name, bytesOnly, inputs, func(b bus.Bus, in []frontend.Variable) { bus.Settle(b.API(), hash(poseidon.New(b.API()), in)) })
	}
	return []unit{
		use("hash7", 8, func(h *poseidon.Hasher, in []frontend.Variable) frontend.Variable { return h.Hash7(in[7], in[:7]...) }),
		use("hash15", 16, func(h *poseidon.Hasher, in []frontend.Variable) frontend.Variable {
			return h.Hash15(in[15], in[:15]...)
		}),
		use("page hash", 16, func(h *poseidon.Hasher, in []frontend.Variable) frontend.Variable { return h.HashPage(in) }),
		use("node hash", 8, func(h *poseidon.Hasher, in []frontend.Variable) frontend.Variable { return h.HashNode(in) }),
	}
}

func integerUnits() (units []unit) {
	for _, tables := range [][]int{{8}, {11}, {13}, {8, 13}} {
		for _, bits := range []int{8, 16, 32, 62, 128, 248} {
			units = append(units, one(fmt.Sprintf("range of %d bits", bits), tables, 1, func(b bus.Bus, in []frontend.Variable) {
				bus.CheckRange(b, in[0], bits)
			}))
		}
	}
	use := func(name string, inputs int, define func(a *integers.Arithmetic, x []integers.Integer)) unit {
		return one(name, wide, inputs, func(b bus.Bus, in []frontend.Variable) {
			x := make([]integers.Integer, inputs)
			for i := range x {
				x[i] = integers.Known(in[i], 61)
			}
			define(integers.New(b), x)
		})
	}
	divisor := func(x integers.Integer) integers.Integer {
		return integers.Integer{Value: x.Value, Low: big.NewInt(1), High: big.NewInt(1<<28 - 1)}
	}
	narrow := func(x integers.Integer) integers.Integer { return integers.Known(x.Value, 26) }
	return append(units,
		use("is less, 61 bits", 2, func(a *integers.Arithmetic, x []integers.Integer) { a.IsLess(x[0], x[1]) }),
		use("is equal", 2, func(a *integers.Arithmetic, x []integers.Integer) { a.IsEqual(x[0], x[1]) }),
		use("min, 61 bits", 2, func(a *integers.Arithmetic, x []integers.Integer) { a.Min(x[0], x[1]) }),
		use("select", 3, func(a *integers.Arithmetic, x []integers.Integer) {
			a.Select(integers.Known(x[0].Value, 1), x[1], x[2])
		}),
		use("divide 61 bits by a variable of 28", 2, func(a *integers.Arithmetic, x []integers.Integer) { a.Divide(x[0], divisor(x[1])) }),
		use("mul_div by 10,000", 2, func(a *integers.Arithmetic, x []integers.Integer) {
			a.MulDiv(x[0], narrow(x[1]), integers.Constant(10_000))
		}),
		use("mul_div by a variable of 28 bits", 3, func(a *integers.Arithmetic, x []integers.Integer) {
			a.MulDiv(x[0], narrow(x[1]), divisor(x[2]))
		}),
	)
}

var kindNames = []string{
	"", "account", "risk", "keys", "orders", "positions", "instrument", "book", "machine", "registers", "stage", "signers",
	"underlying", "readings", "journal",
}

func layoutUnits() (units []unit) {
	for kind, cells := range layout.Packing[1:] {
		units = append(units, one("unpack a page: "+kindNames[kind+1], wide, layout.Cells, func(b bus.Bus, in []frontend.Variable) {
			for i, slots := range cells {
				if len(slots) > 0 && layout.CellBits(slots) <= 252 {
					layout.Unpack(integers.New(b), b.API(), slots, in[i])
				}
			}
		}))
	}
	return units
}

func stateUnits() (units []unit) {
	const timeBits = 13
	for _, width := range []int{1, 2, 4, 8, 16} {
		name := func(what string) string { return fmt.Sprintf("%s, tuples of %d cells", what, width) }
		onState := func(define func(b bus.Bus, t *tree.Tree, in []frontend.Variable)) func(bus.Bus, []frontend.Variable) {
			return func(b bus.Bus, in []frontend.Variable) {
				define(b, tree.New(b, poseidon.New(b.API()), memory.New(b, width, timeBits)), in)
			}
		}
		units = append(units,
			one(name("memory read"), wide, 2+width, func(b bus.Bus, in []frontend.Variable) {
				memory.New(b, width, timeBits).Read(1, in[0], in[1], 7, in[2:])
			}),
			one(name("memory write"), wide, 2+2*width, func(b bus.Bus, in []frontend.Variable) {
				memory.New(b, width, timeBits).Write(1, in[0], in[1], 7, in[2:2+width], in[2+width:])
			}),
			one(name("memory write if enabled"), wide, 3+2*width, func(b bus.Bus, in []frontend.Variable) {
				memory.New(b, width, timeBits).Write(in[2+2*width], in[0], in[1], 7, in[2:2+width], in[2+width:2+2*width])
			}),
			one(name("page"), wide, 33+16/width, onState(func(_ bus.Bus, t *tree.Tree, in []frontend.Variable) {
				row := tree.Page{Last: make([]frontend.Variable, 16/width)}
				harness.Fill(in, &row)
				t.Page(&row)
			})),
			one(name("page, read only"), wide, 17+16/width, onState(func(_ bus.Bus, t *tree.Tree, in []frontend.Variable) {
				row := tree.ReadPage{Last: make([]frontend.Variable, 16/width)}
				harness.Fill(in, &row)
				t.ReadPage(&row)
			})),
		)
	}
	return append(units, one("node", wide, 26, func(b bus.Bus, in []frontend.Variable) {
		row := tree.Node{}
		harness.Fill(in, &row)
		tree.New(b, poseidon.New(b.API()), memory.New(b, 1, timeBits)).Node(&row)
	}))
}

func dataUnits() []unit {
	signature := func(b bus.Bus, rows [][]frontend.Variable) {
		table := make([]signatures.Row, len(rows))
		for i := range table {
			harness.Fill(rows[i], &table[i])
		}
		signatures.Define(b, poseidon.New(b.API()), table)
	}
	segment := func(b bus.Bus, rows [][]frontend.Variable) {
		s := words.NewSegment(14 * len(rows))
		for i := range rows {
			copy(s.Words[14*i:], rows[i])
			copy(s.Steps[14*i:], rows[i][14:])
			copy(s.Counts[14*i:], rows[i][28:])
		}
		words.Define(b, poseidon.New(b.API()), &s, &words.Binding{Count: rows[0][0], Hash: rows[0][0], Point: rows[0][0], Value: rows[0][0]})
	}
	return []unit{
		{"signature", bytesOnly, 8, 2, signature},
		{"signature", wide, 8, 2, signature},
		{"14 words", wide, 42, 2, segment},
		one("word lookup", wide, 3, func(b bus.Bus, in []frontend.Variable) { words.Lookup(b, in[0], in[1], in[2]) }),
		one("word into bytes", []int{13}, 1, func(b bus.Bus, in []frontend.Variable) { words.Cut(b, in[0]) }),
		one("word into bytes", wide, 1, func(b bus.Bus, in []frontend.Variable) { words.Cut(b, in[0]) }),
		one("signature lookup", wide, 10, func(b bus.Bus, in []frontend.Variable) {
			row := signatures.Row{}
			harness.Fill(in, &row)
			signatures.Lookup(b, in[8], &row, in[9])
		}),
		one("hash row", wide, 7, func(b bus.Bus, in []frontend.Variable) {
			row := hashes.Row{}
			harness.Fill(in, &row)
			hashes.Define(b, poseidon.New(b.API()), &row)
		}),
		one("hash lookup", wide, 8, func(b bus.Bus, in []frontend.Variable) { hashes.Lookup(b, in[0], in[1], in[2], in[3:]...) }),
	}
}

// TestStats compares the price of everything with stats.csv, which changes on purpose only: go test -run Stats -update.
func TestStats(t *testing.T) {
	rows := [][]string{{"what", "range tables", "constraints each", "constraints once"}}
	for _, units := range [][]unit{hashUnits(), integerUnits(), layoutUnits(), stateUnits(), dataUnits(), stepUnits()} {
		for i := range units {
			each, fixed := measure(t, &units[i])
			rows = append(rows, []string{units[i].name, tableName(units[i].tables), each, fixed})
		}
	}
	if *update {
		file, err := os.Create("stats.csv")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := csv.NewWriter(file).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.Open("stats.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	pinned, err := csv.NewReader(raw).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(pinned) != len(rows) {
		t.Fatalf("stats.csv has %d lines, not %d: go test -run Stats -update", len(pinned), len(rows))
	}
	for i := range rows {
		if fmt.Sprint(rows[i]) != fmt.Sprint(pinned[i]) {
			t.Errorf("%v, and stats.csv has %v", rows[i], pinned[i])
		}
	}
}
