package harness

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/chunk"
	"miletus/circuits/hashes"
	"miletus/circuits/signatures"
	"miletus/circuits/tree"
	"miletus/circuits/words"
	native "miletus/native/tree"
)

// Program is the tables of a circuit and a plain list of what is asked of them, in the place of steps. Access i has
// the time i + 1.
type Program struct {
	Public     chunk.Public
	Tables     *chunk.Tables
	Accesses   []Access
	Signatures []SignatureUse
	Hashes     []HashUse
	Words      []WordUse

	size chunk.Size
}

// Access replaces a memory tuple.
type Access struct {
	Enabled, Address, Last frontend.Variable
	Before, After          []frontend.Variable
}

// SignatureUse looks a signature up; the row's Count is not used.
type SignatureUse struct {
	Enabled, Valid frontend.Variable
	Row            signatures.Row
}

// HashUse looks a hash up.
type HashUse struct {
	Enabled, Tag, Out frontend.Variable
	Elements          [hashes.Inputs]frontend.Variable
}

// WordUse looks a word up.
type WordUse struct{ Enabled, Index, Word frontend.Variable }

// Uses is how many of each a program has.
type Uses struct{ Accesses, Signatures, Hashes, Words int }

// NewProgram makes a program whose tables and lists are empty: nothing is used, and zero everywhere else.
func NewProgram(size *chunk.Size, uses Uses) *Program {
	p := &Program{
		Tables:     chunk.NewTables(size),
		Accesses:   make([]Access, uses.Accesses),
		Signatures: make([]SignatureUse, uses.Signatures),
		Hashes:     make([]HashUse, uses.Hashes),
		Words:      make([]WordUse, uses.Words),
		size:       *size,
	}
	for i := range p.Accesses {
		p.Accesses[i].Before = make([]frontend.Variable, size.TupleCells)
		p.Accesses[i].After = make([]frontend.Variable, size.TupleCells)
	}
	inputs := Flatten(p)
	for i := range inputs {
		inputs[i] = 0
	}
	Fill(inputs, p)
	return p
}

// DefineProgram makes a program's constraints over a list of inputs.
func DefineProgram(size *chunk.Size, uses Uses) Define {
	return func(b bus.Bus, inputs []frontend.Variable) {
		p := NewProgram(size, uses)
		Fill(inputs, p)
		p.defineOn(b)
	}
}

// Define makes a program a circuit of its own, with its public inputs, for a real proof.
func (p *Program) Define(api frontend.API) error {
	p.defineOn(bus.New(api, p.size.RangeBits...))
	return nil
}

func (p *Program) defineOn(b bus.Bus) {
	memory := p.Tables.Define(b, &p.size, &p.Public)
	for i := range p.Accesses {
		a := &p.Accesses[i]
		memory.Write(a.Enabled, a.Address, a.Last, i+1, a.Before, a.After)
	}
	for i := range p.Signatures {
		signatures.Lookup(b, p.Signatures[i].Enabled, &p.Signatures[i].Row, p.Signatures[i].Valid)
	}
	for i := range p.Hashes {
		u := &p.Hashes[i]
		hashes.Lookup(b, u.Enabled, u.Tag, u.Out, u.Elements[:]...)
	}
	for i := range p.Words {
		words.Lookup(b, p.Words[i].Enabled, p.Words[i].Index, p.Words[i].Word)
	}
}

// Touch reads every memory tuple of the pages once, and writes those that change, in the order given; what is left
// of the program's accesses stays off.
func (p *Program) Touch(touched []tree.Touched, width int) {
	next := 0
	for i := range touched {
		page := &touched[i]
		page.Last = make([]int64, tree.Cells/width)
		for tuple := range page.Last {
			if next == len(p.Accesses) {
				continue
			}
			a := &p.Accesses[next]
			next++
			a.Enabled, a.Address = 1, page.Number*int64(len(page.Last))+int64(tuple)
			for j := range width {
				a.Before[j], a.After[j] = page.Before[tuple*width+j], page.After[tuple*width+j]
			}
			page.Last[tuple] = int64(next)
		}
	}
}

// SetTree fills the tables of pages and nodes and the roots.
func (p *Program) SetTree(before *native.Tree, touched []tree.Touched, size *chunk.Size) (fr.Element, error) {
	rows, err := tree.Assign(before, touched, size.TupleCells, size.Pages, size.ReadPages, size.Nodes)
	if err != nil {
		return fr.Element{}, err
	}
	p.Tables.Pages, p.Tables.ReadPages, p.Tables.Nodes = rows.Pages, rows.ReadPages, rows.Nodes
	p.Public.RootBefore, p.Public.RootAfter = before.Root(), rows.RootAfter
	return rows.RootAfter, nil
}

// SetWords fills the segment and its binding.
func (p *Program) SetWords(raw []byte) error {
	_, h, z, y, err := bindData(raw)
	if err != nil {
		return err
	}
	for i, word := range splitWords(raw) {
		p.Tables.Segment.Words[i], p.Tables.Segment.Steps[i] = word, 1
	}
	p.Public.Segment = words.Binding{Count: len(raw) / wordBytes, Hash: h, Point: z, Value: y}
	return nil
}
