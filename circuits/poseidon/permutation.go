package poseidon

import (
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"
	"github.com/consensys/gnark/frontend"
)

const (
	fullRounds    = 8
	partialRounds = 57
)

// parameters of one width, and the external matrix written out.
type parameters struct {
	keys     [][]fr.Element
	diagonal []fr.Element // of the internal matrix, less one
	external [][]fr.Element
}

var (
	narrow = sync.OnceValue(func() *parameters { return loadParameters(8) })
	wide   = sync.OnceValue(func() *parameters { return loadParameters(16) })
)

func loadParameters(width int) *parameters {
	given := poseidon2.NewParameters(width, fullRounds, partialRounds)
	return &parameters{given.RoundKeys, given.DiagM1, computeExternal(width)}
}

// block is the 4 by 4 matrix of the Poseidon2 paper, appendix B.
var block = [4][4]uint64{{5, 7, 1, 3}, {4, 6, 1, 1}, {1, 3, 5, 7}, {1, 1, 4, 6}}

// computeExternal writes circ(2 M, M, ..., M) out.
func computeExternal(width int) [][]fr.Element {
	matrix := make([][]fr.Element, width)
	for i := range matrix {
		matrix[i] = make([]fr.Element, width)
		for j := range matrix[i] {
			matrix[i][j].SetUint64(block[i%4][j%4])
			if i/4 == j/4 {
				matrix[i][j].Double(&matrix[i][j])
			}
		}
	}
	return matrix
}

// state is a permutation's state as sums of wires: element i is the sum of rows[i][j] wires[j]. Written so, the
// partial rounds, which add one wire each, cost the compiler one sum each instead of one for every element.
type state struct {
	api   frontend.API
	wires []frontend.Variable
	rows  [][]fr.Element
}

// permute applies the permutation of the elements' number, 8 or 16.
func permute(api frontend.API, p *parameters, elements []frontend.Variable) *state {
	s := &state{api: api}
	s.mix(p, elements)
	for round, keys := range p.keys {
		if round < fullRounds/2 || round >= fullRounds/2+partialRounds {
			s.applyFullRound(p, keys)
		} else {
			s.applyPartialRound(p, &keys[0])
		}
	}
	return s
}

// mix makes the external matrix times the wires the new state.
func (s *state) mix(p *parameters, wires []frontend.Variable) {
	s.wires = wires
	s.rows = make([][]fr.Element, len(wires))
	for i := range s.rows {
		s.rows[i] = p.external[i]
	}
}

func (s *state) applyFullRound(p *parameters, keys []fr.Element) {
	raised := make([]frontend.Variable, len(s.rows))
	for i := range raised {
		raised[i] = s.raise(i, &keys[i])
	}
	s.mix(p, raised)
}

// applyPartialRound raises the first element and multiplies by the internal matrix: ones, and a diagonal.
func (s *state) applyPartialRound(p *parameters, key *fr.Element) {
	wire := s.raise(0, key)
	count := len(s.wires)
	s.wires = append(s.wires[:count:count], wire)
	sum := make([]fr.Element, count+1)
	sum[count].SetOne()
	for i := 1; i < len(s.rows); i++ {
		for j := range s.rows[i] {
			sum[j].Add(&sum[j], &s.rows[i][j])
		}
	}
	for i := range s.rows {
		row := make([]fr.Element, count+1)
		if i == 0 {
			row[count].SetOne()
		} else {
			copy(row, s.rows[i])
		}
		for j := range row {
			row[j].Mul(&row[j], &p.diagonal[i]).Add(&row[j], &sum[j])
		}
		s.rows[i] = row
	}
}

// raise is the fifth power of element i plus the key.
func (s *state) raise(i int, key *fr.Element) frontend.Variable {
	v := s.api.Add(s.element(i), *key)
	square := s.api.Mul(v, v)
	return s.api.Mul(s.api.Mul(square, square), v)
}

// element writes element i out.
func (s *state) element(i int) frontend.Variable {
	terms := make([]frontend.Variable, 1, len(s.wires)+1)
	terms[0] = 0
	for j, wire := range s.wires {
		terms = append(terms, s.api.Mul(wire, s.rows[i][j]))
	}
	return s.api.Add(terms[0], terms[1], terms[2:]...)
}
