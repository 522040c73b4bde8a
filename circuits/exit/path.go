package exit

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/poseidon"
	"miletus/circuits/tree"
)

// digitBits is how many bits of a page's number choose a child.
const digitBits = 3

// rangeBits is the width of the circuits' one range table.
const rangeBits = 8

// Node is the children of a node on a path.
type Node [tree.Arity]frontend.Variable

// Page is a page and the nodes over it, the lowest first.
type Page struct {
	Cells [tree.Cells]frontend.Variable
	Nodes [tree.Depth]Node
}

// reader shows pages of one state.
type reader struct {
	*integers.Arithmetic
	api    frontend.API
	hasher *poseidon.Hasher
	root   frontend.Variable
}

// number is the bits of a page's number, the lowest first; those of a constant are constants.
type number []integers.Integer

// fixed is a number that the circuit knows.
func fixed(value int64, bits int) number {
	n := make(number, bits)
	for i := range n {
		n[i] = integers.Constant(value >> i & 1)
	}
	return n
}

// cut takes a number apart into bits.
func (r *reader) cut(x frontend.Variable, count int) number {
	inputs := make([]frontend.Variable, 0, count+1)
	for range count {
		inputs = append(inputs, 1)
	}
	bits, err := r.api.Compiler().NewHint(bus.LimbHint, count, append(inputs, x)...)
	if err != nil {
		panic(err) // there are inputs and outputs
	}
	n, sum := make(number, count), frontend.Variable(0)
	for i, bit := range bits {
		n[i] = r.Bit(bit)
		sum = r.api.Add(sum, shift(r.api, bit, uint(i)))
	}
	r.api.AssertIsEqual(sum, x)
	return n
}

// choose gives one bit for each value of the bits, the lowest first: 1 for the one that they are.
func (r *reader) choose(bits number) []integers.Integer {
	chosen := []integers.Integer{integers.Constant(1)}
	for i := len(bits) - 1; i >= 0; i-- {
		next := make([]integers.Integer, 0, 2*len(chosen))
		for _, c := range chosen {
			one := r.Mul(c, bits[i])
			next = append(next, integers.AsBit(r.Sub(c, one)), one)
		}
		chosen = next
	}
	return chosen
}

// pick is the element whose bit is 1.
func (r *reader) pick(choice []integers.Integer, elements []frontend.Variable) frontend.Variable {
	var sum frontend.Variable = 0
	for i, bit := range choice {
		sum = r.api.Add(sum, r.api.Mul(bit.Value, elements[i]))
	}
	return sum
}

// show holds that a page is the state's at that number, where enabled: its hash is the child that the lowest digit
// names, and so on up to the root. All bits of the number are given, so that no other page can stand for it.
func (r *reader) show(enabled integers.Integer, at number, page *Page) {
	hash := r.hasher.HashPage(page.Cells[:])
	r.climb(enabled, at, 0, hash, page.Nodes[:])
}

// climb holds that a hash is the one of the node (of the page, on level 0) that the number's digits from that level on
// lead to.
func (r *reader) climb(enabled integers.Integer, at number, level int, hash frontend.Variable, nodes []Node) {
	if len(at) != digitBits*tree.Depth || len(nodes) != tree.Depth-level {
		panic("exit: a path has as many digits and nodes as the tree has levels")
	}
	for i := range nodes {
		digit := at[digitBits*(level+i) : digitBits*(level+i+1)]
		child := r.pick(r.choose(digit), nodes[i][:])
		r.api.AssertIsEqual(r.api.Mul(enabled.Value, r.api.Sub(child, hash)), 0)
		hash = r.hasher.HashNode(nodes[i][:])
	}
	r.api.AssertIsEqual(r.api.Mul(enabled.Value, r.api.Sub(r.root, hash)), 0)
}

// get reads a field of a page of that kind; what else its cell holds is held to its width too.
func (r *reader) get(kind, field int, cells []frontend.Variable) integers.Integer {
	cell, place := find(kind, field)
	return r.unpack(kind, cell, cells[cell])[place]
}

// unpack takes the cell of a page of that kind apart, as a list of fields in the cell's order.
func (r *reader) unpack(kind, cell int, value frontend.Variable) []integers.Integer {
	return layout.Unpack(r.Arithmetic, r.api, layout.Packing[kind][cell], value)
}

// find gives the cell of a page of that kind that holds a field, and the field's place in it.
func find(kind, field int) (cell, place int) {
	for c, slots := range layout.Packing[kind] {
		for p, slot := range slots {
			if slot.Field == field {
				return c, p
			}
		}
	}
	panic(fmt.Sprintf("exit: a page of kind %d has no field %d", kind, field))
}

func shift(api frontend.API, v frontend.Variable, bits uint) frontend.Variable {
	return api.Mul(v, new(big.Int).Lsh(big.NewInt(1), bits))
}
