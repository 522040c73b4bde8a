package poseidon

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/lanes"
)

const (
	// Lanes is how many permutations run side by side: enough for gnark-crypto's vectors, which use AVX-512 where
	// there is one, and few enough for a block of width 16 to stay in the first-level cache.
	Lanes = 64

	fewestLanes   = 12 // fewer are faster one by one
	fewestKernels = 3  // in the kernels of package lanes
)

// PermuteMany8 applies the permutation of width 8 to each state, on one core.
func PermuteMany8(states [][8]fr.Element) {
	if count := countKernels(len(states)); count > 0 {
		lanes.Permute8(states[:count], constants8.lanes)
		states = states[count:]
	}
	permuteMany(len(states), constants8, func(i int) []fr.Element { return states[i][:] })
}

// PermuteMany16 applies the permutation of width 16 to each state, on one core.
func PermuteMany16(states [][16]fr.Element) {
	if count := countKernels(len(states)); count > 0 {
		lanes.Permute16(states[:count], constants16.lanes)
		states = states[count:]
	}
	permuteMany(len(states), constants16, func(i int) []fr.Element { return states[i][:] })
}

// countKernels tells how many of `count` states go through the kernels: all but one or two left over.
func countKernels(count int) int {
	if rest := count % lanes.Lanes; rest < fewestKernels {
		count -= rest
	}
	if !lanes.Available {
		return 0
	}
	return count
}

// permuteMany takes the states in blocks, and those that make no good block one by one.
func permuteMany(count int, c *constants, state func(int) []fr.Element) {
	first := 0
	if count >= fewestLanes {
		b := &block{width: len(state(0))}
		for ; count-first >= fewestLanes; first += b.lanes {
			b.lanes = min(Lanes, count-first)
			b.permuteFrom(first, c, state)
		}
	}
	for ; first < count; first++ {
		permute(state(first), c)
	}
}

// block holds the states of a block by element: row i has element i of each state.
type block struct {
	rows  [16][Lanes]fr.Element
	width int
	lanes int
}

// permuteFrom permutes states first .. first + lanes - 1.
func (b *block) permuteFrom(first int, c *constants, state func(int) []fr.Element) {
	for lane := range b.lanes {
		for i, e := range state(first + lane) {
			b.rows[i][lane] = e
		}
	}
	b.permute(c)
	for lane := range b.lanes {
		to := state(first + lane)
		for i := range to {
			to[i] = b.rows[i][lane]
		}
	}
}

// row is element i of all states.
func (b *block) row(i int) fr.Vector { return b.rows[i][:b.lanes] }

// permute applies the permutation to all states.
func (b *block) permute(c *constants) {
	b.multiplyExternal()
	for round := range c.first {
		b.applyFullRound(&c.first[round])
	}
	for round := range c.internal {
		b.applyPartialRound(&c.internal[round], &c.diagonal)
	}
	for round := range c.last {
		b.applyFullRound(&c.last[round])
	}
}

// raise adds a key to a row and raises it to the fifth power.
func raise(row fr.Vector, key *fr.Element) {
	var memory [Lanes]fr.Element
	power := fr.Vector(memory[:len(row)])
	for i := range row {
		row[i].Add(&row[i], key)
	}
	power.Mul(row, row)
	power.Mul(power, power)
	row.Mul(row, power)
}

func (b *block) applyFullRound(keys *[16]fr.Element) {
	for i := range b.width {
		raise(b.row(i), &keys[i])
	}
	b.multiplyExternal()
}

func (b *block) applyPartialRound(key *fr.Element, diagonal *[16]fr.Element) {
	var memory [Lanes]fr.Element
	sum := fr.Vector(memory[:b.lanes])
	raise(b.row(0), key)
	copy(sum, b.row(0))
	for i := 1; i < b.width; i++ {
		sum.Add(sum, b.row(i))
	}
	for i := range b.width {
		row := b.row(i)
		row.ScalarMul(row, &diagonal[i])
		row.Add(row, sum)
	}
}

func (b *block) multiplyExternal() {
	var memory [4][Lanes]fr.Element
	for i := 0; i < b.width; i += 4 {
		b.multiplyBlock(i)
		for j := range memory {
			sum := fr.Vector(memory[j][:b.lanes])
			sum.Add(sum, b.row(i+j))
		}
	}
	for i := range b.width {
		row := b.row(i)
		row.Add(row, memory[i%4][:b.lanes])
	}
}

// multiplyBlock is the matrix M of multiplyBlock on rows i .. i + 3.
func (b *block) multiplyBlock(i int) {
	var memory [4][Lanes]fr.Element
	t0, t1 := fr.Vector(memory[0][:b.lanes]), fr.Vector(memory[1][:b.lanes])
	t2, t3 := fr.Vector(memory[2][:b.lanes]), fr.Vector(memory[3][:b.lanes])
	s0, s1, s2, s3 := b.row(i), b.row(i+1), b.row(i+2), b.row(i+3)
	t0.Add(s0, s1)
	t1.Add(s2, s3)
	t2.Add(s1, s1)
	t2.Add(t2, t1)
	t3.Add(s3, s3)
	t3.Add(t3, t0)
	s3.Add(t1, t1)
	s3.Add(s3, s3)
	s3.Add(s3, t3)
	s1.Add(t0, t0)
	s1.Add(s1, s1)
	s1.Add(s1, t2)
	s0.Add(t3, s1)
	s2.Add(t2, s3)
}
