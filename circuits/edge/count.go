package edge

import (
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/memory"
	"miletus/circuits/signatures"
	"miletus/circuits/steps"
)

// blank is a source that knows nothing and counts what it is asked for.
type blank struct{ count, opened, hashed, verified int }

func (b *blank) one() frontend.Variable {
	b.count++
	return fr.Element{}
}

func (b *blank) Open(_, _ frontend.Variable) (frontend.Variable, []frontend.Variable) {
	b.opened++
	last, cells := b.one(), make([]frontend.Variable, steps.TupleCells)
	for i := range cells {
		cells[i] = b.one()
	}
	return last, cells
}

func (b *blank) Close(_, _, _ frontend.Variable, _ []frontend.Variable) {}

func (b *blank) Word(_, _ frontend.Variable) frontend.Variable { return b.one() }

func (b *blank) OffChain(_, _ frontend.Variable) (r, s frontend.Variable) { return b.one(), b.one() }

func (b *blank) Hash(_, _ frontend.Variable, _ []frontend.Variable) frontend.Variable {
	b.hashed++
	return b.one()
}

func (b *blank) Signature(frontend.Variable, *signatures.Row) frontend.Variable {
	b.verified++
	return b.one()
}

func (b *blank) Neighbour(_, _, _, _ frontend.Variable) frontend.Variable { return b.one() }

var blanks sync.Map // *steps.Table to *blank

// inputCount is the number of inputs of a table's rows besides the head.
func inputCount(t *steps.Table) int { return evaluateBlank(t).count }

// evaluateBlank evaluates a row that is no step, and thus holds that such a row is possible; it gives what the row
// asks for.
func evaluateBlank(t *steps.Table) *blank {
	if known, ok := blanks.Load(t); ok {
		return known.(*blank)
	}
	b := evaluate.NewBus([]int{8, 13})
	source := &blank{}
	head := steps.Head{Enabled: fr.Element{}, Number: fr.Element{}}
	for i := range head.Carried {
		head.Carried[i] = fr.Element{}
	}
	zero := func(bits int) integers.Integer { return integers.Known(fr.Element{}, bits) }
	shared := &steps.Shared{Bus: b, Memory: memory.New(b, steps.TupleCells, 30), Batch: steps.Batch{
		Words: zero(16), Inbox: zero(1), OffChain: zero(1), TimeBoundMS: zero(timeBoundBits), Domain: fr.Element{},
	}}
	steps.Define(shared, t, &head, source)
	blanks.Store(t, source)
	return source
}
