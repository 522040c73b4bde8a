package tree

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// setLimbs writes a 5-limb value into fields 2..6, 52 bits each.
func setLimbs(fields []int64, limbs [5]uint64) {
	v := new(big.Int)
	for i := 4; i >= 0; i-- {
		v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(limbs[i]))
	}
	mask := big.NewInt(1<<52 - 1)
	for i := range 5 {
		fields[2+i] = new(big.Int).And(v, mask).Int64()
		v.Rsh(v, 52)
	}
}

func TestCellsAreSumsOfShiftedFields(t *testing.T) {
	source := rand.New(rand.NewPCG(17, 18))
	packing := newTestPacking(t)
	for i := range 500 {
		var fields [Fields]int64
		fields[0], fields[1] = source.Int64N(1<<62)-1<<61, source.Int64N(1<<40)-1<<39
		switch i {
		case 0:
			fields[0], fields[1] = -1<<61, -1<<39
		case 1:
			fields[0], fields[1] = 1<<61-1, 1<<39-1
		case 2:
			fields[0], fields[1] = -1, 1
		}
		top := modulus
		top[0] -= uint64(source.IntN(1000) + 1) // r - 1, r - 2, ...
		setLimbs(fields[:], top)
		fields[7] = source.Int64N(256)
		cells, err := packing.Pack(1, &fields)
		if err != nil {
			t.Fatal(err)
		}
		signed := new(big.Int).Lsh(big.NewInt(fields[1]), 62)
		wide := new(big.Int)
		for j := 6; j >= 2; j-- {
			wide.Lsh(wide, 52).Add(wide, big.NewInt(fields[j]))
		}
		for j, v := range []*big.Int{signed.Add(signed, big.NewInt(fields[0])), wide, big.NewInt(fields[7]), new(big.Int)} {
			var expected fr.Element
			if expected.SetBigInt(v); !cells[j].Equal(&expected) {
				t.Fatalf("page %d: cell %d is %v, not %v", i, j, cells[j], expected)
			}
		}
	}
}

func TestWidthsAreHeldOnBothSides(t *testing.T) {
	packing := newTestPacking(t)
	for _, c := range []struct {
		field int
		value int64
		fits  bool
	}{
		{0, 1<<61 - 1, true}, {0, 1 << 61, false}, {0, -1 << 61, true}, {0, -1<<61 - 1, false}, {0, -1 << 63, false},
		{1, 1<<39 - 1, true}, {1, 1 << 39, false}, {1, -1 << 39, true}, {1, -1<<39 - 1, false},
		{2, 1<<52 - 1, true}, {2, 1 << 52, false}, {2, -1, false},
		{7, 255, true}, {7, 256, false}, {7, -1, false}, {8, 0, true}, {8, 1, false}, {63, -1, false},
	} {
		var fields [Fields]int64
		fields[c.field] = c.value
		if _, err := packing.Pack(1, &fields); (err == nil) != c.fits {
			t.Errorf("field %d with %d: %v", c.field, c.value, err)
		}
	}
}

func TestBadTablesAreRefused(t *testing.T) {
	for name, table := range map[string][]int64{
		"empty":                {},
		"cut off":              testTable[:len(testTable)-1],
		"too long":             append(append([]int64{}, testTable...), 0),
		"negative":             {-1},
		"field 64":             {1, 1, 1, 64, 8, 0},
		"63 bits":              {1, 1, 1, 0, 63, 0},
		"no bits":              {1, 1, 1, 0, 0, 0},
		"sign 2":               {1, 1, 1, 0, 8, 2},
		"17 cells":             {1, 17},
		"field twice":          {1, 1, 2, 0, 8, 0, 0, 8, 0},
		"field in two cells":   {1, 2, 1, 0, 8, 0, 1, 0, 8, 0},
		"261 bits":             {1, 1, 6, 0, 52, 0, 1, 52, 0, 2, 52, 0, 3, 52, 0, 4, 52, 0, 5, 1, 0},
		"signed over 252 bits": {1, 1, 5, 0, 52, 0, 1, 52, 0, 2, 52, 0, 3, 52, 0, 4, 45, 1},
	} {
		if _, err := NewPacking(table); err == nil {
			t.Errorf("%s: the table was taken", name)
		}
	}
	packing := newTestPacking(t)
	if !packing.Equal(testTable) || packing.Equal(testTable[1:]) {
		t.Error("Equal does not compare tables")
	}
}

func FuzzPackingTables(f *testing.F) {
	f.Add([]byte{2, 0, 1, 1, 3, 62, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		table := make([]int64, len(raw))
		for i := range raw {
			table[i] = int64(int8(raw[i]))
		}
		packing, err := NewPacking(table)
		if err != nil {
			return
		}
		var fields [Fields]int64
		for kind := range 260 {
			_, _ = packing.Pack(kind-2, &fields)
		}
	})
}
