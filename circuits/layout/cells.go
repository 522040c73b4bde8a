// Package layout is where everything of the state lies: page numbers, fields, and the cells that fields make
// (spec 02). The table is the engine's own, generated. What a field means is no business of this package.
package layout

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
)

// Cells is the number of cells of a page.
const Cells = 16

// narrowBits is the most that the slots of a cell may add up to for it to be taken apart; a wider cell is one
// field element, which the circuit keeps whole.
const narrowBits = 252

func init() { solver.RegisterHint(UnpackHint) }

// CellBits is the number of bits of a cell's slots together.
func CellBits(slots []Slot) int {
	bits := 0
	for _, slot := range slots {
		bits += slot.Bits
	}
	return bits
}

// Pack makes a cell of its fields, at no constraint. A field whose bounds do not fit its slot is a mistake of
// the circuit and panics.
func Pack(a *integers.Arithmetic, slots []Slot, fields []integers.Integer) integers.Integer {
	if len(fields) != len(slots) || CellBits(slots) > narrowBits {
		panic(fmt.Sprintf("layout: %d fields for a cell of %d fields and %d bits", len(fields), len(slots), CellBits(slots)))
	}
	sum, offset := integers.Constant(0), 0
	for i, slot := range slots {
		if !fields[i].Fits(slot.Bits, slot.Signed) {
			panic(fmt.Sprintf("layout: field %d lies in [%v, %v]: it does not fit %d bits",
				slot.Field, fields[i].Low, fields[i].High, slot.Bits))
		}
		shift := integers.ConstantBig(new(big.Int).Lsh(big.NewInt(1), uint(offset)))
		sum = a.Add(sum, a.Mul(fields[i], shift))
		offset += slot.Bits
	}
	return sum
}

// Unpack takes a cell apart. Each field is held to its slot, so that only one list of fields sums to the cell;
// a cell that is no sum of such fields makes the circuit unsatisfiable, and the machine writes none.
func Unpack(a *integers.Arithmetic, api frontend.API, slots []Slot, cell frontend.Variable) []integers.Integer {
	if CellBits(slots) > narrowBits {
		panic(fmt.Sprintf("layout: a cell of %d bits is one element and is not taken apart", CellBits(slots)))
	}
	inputs := make([]frontend.Variable, 0, 2*len(slots)+1)
	for _, slot := range slots {
		signed := 0
		if slot.Signed {
			signed = 1
		}
		inputs = append(inputs, slot.Bits, signed)
	}
	outputs, err := api.Compiler().NewHint(UnpackHint, len(slots), append(inputs, cell)...)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	fields := make([]integers.Integer, len(slots))
	for i, slot := range slots {
		if slot.Signed {
			fields[i] = a.Signed(outputs[i], slot.Bits)
		} else {
			fields[i] = a.Unsigned(outputs[i], slot.Bits)
		}
	}
	api.AssertIsEqual(Pack(a, slots, fields).Value, cell)
	return fields
}

// UnpackHint takes the last input apart; the others are the width and signedness of each field, lowest first.
func UnpackHint(field *big.Int, inputs, outputs []*big.Int) error {
	rest := new(big.Int).Set(inputs[len(inputs)-1])
	if new(big.Int).Lsh(rest, 1).Cmp(field) > 0 {
		rest.Sub(rest, field)
	}
	for i := range outputs {
		width := uint(inputs[2*i].Uint64())
		span := new(big.Int).Lsh(big.NewInt(1), width)
		value := new(big.Int).Mod(rest, span)
		if inputs[2*i+1].Sign() != 0 && value.Bit(int(width)-1) == 1 {
			value.Sub(value, span)
		}
		rest.Sub(rest, value)
		rest.Rsh(rest, width)
		outputs[i].Mod(value, field)
	}
	return nil
}

// UnpackCell takes the cell of a page apart, outside a circuit.
func UnpackCell(slots []Slot, cell *fr.Element) []int64 {
	inputs, outputs := make([]*big.Int, 0, 2*len(slots)+1), make([]*big.Int, len(slots))
	for i, slot := range slots {
		signed := int64(0)
		if slot.Signed {
			signed = 1
		}
		inputs = append(inputs, big.NewInt(int64(slot.Bits)), big.NewInt(signed))
		outputs[i] = new(big.Int)
	}
	inputs = append(inputs, cell.BigInt(new(big.Int)))
	_ = UnpackHint(fr.Modulus(), inputs, outputs) // it never fails
	values := make([]int64, len(slots))
	for i, v := range outputs {
		if v.IsInt64() {
			values[i] = v.Int64()
		} else {
			values[i] = new(big.Int).Sub(v, fr.Modulus()).Int64()
		}
	}
	return values
}
