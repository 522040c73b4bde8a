package poseidon

import (
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"

	"miletus/native/lanes"
)

// fillStates gives states at the edges of the field and random ones.
func fillStates(width int) [][]fr.Element {
	var top fr.Element
	top.SetInt64(-1)
	zeros, tops := make([]fr.Element, width), make([]fr.Element, width)
	for i := range tops {
		tops[i] = top
	}
	states := [][]fr.Element{zeros, tops}
	for range 50 {
		state := make([]fr.Element, width)
		for i := range state {
			state[i].MustSetRandom()
		}
		states = append(states, state)
	}
	return states
}

// rule: 10-R01
func TestPermutationsAreThoseOfGnarkCrypto(t *testing.T) {
	for _, width := range []int{8, 16} {
		reference := poseidon2.NewPermutation(width, 8, 57)
		for _, state := range fillStates(width) {
			expected := append([]fr.Element(nil), state...)
			if err := reference.Permutation(expected); err != nil {
				t.Fatal(err)
			}
			if width == 8 {
				Permute8((*[8]fr.Element)(state))
			} else {
				Permute16((*[16]fr.Element)(state))
			}
			for i := range state {
				if !state[i].Equal(&expected[i]) {
					t.Fatalf("width %d: element %d is %v, not %v", width, i, state[i], expected[i])
				}
			}
		}
	}
}

// rule: 10-R02
func TestHashPlacesTagAndZeros(t *testing.T) {
	one, two := fr.NewElement(1), fr.NewElement(2)
	state := [8]fr.Element{one, two}
	state[7].SetUint64(TagReceipt)
	Permute8(&state)
	if got := Hash7(TagReceipt, one, two); !got.Equal(&state[0]) {
		t.Fatal("Hash7 is not the first element of the permutation of (elements, zeros, tag)")
	}
	wide := [16]fr.Element{one, two}
	wide[15].SetUint64(TagData)
	Permute16(&wide)
	if got := Hash15(TagData, one, two); !got.Equal(&wide[0]) {
		t.Fatal("Hash15 is not the first element of the permutation of (elements, zeros, tag)")
	}
	a, b := Hash7(TagMessage, one), Hash7(TagChallenge, one)
	if a.Equal(&b) {
		t.Fatal("two tags give one hash")
	}
}

func TestTooManyElementsPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("8 elements were taken")
		}
	}()
	Hash7(1, make([]fr.Element, 8)...)
}

// rule: 10-R01
// rule: 10-R02
func TestManyAreAsOneByOne(t *testing.T) {
	available := lanes.Available
	defer func() { lanes.Available = available }()
	for _, lanes.Available = range []bool{available, false} {
		compareMany(t)
	}
}

func compareMany(t *testing.T) {
	t.Helper()
	for _, count := range []int{0, 1, 3, 7, 8, 10, 11, 12, 13, 20, 63, 64, 65, 76, 128, 200} {
		inputs, children, pages := make([][7]fr.Element, count), make([][8]fr.Element, count), make([][16]fr.Element, count)
		var messages, nodes, leaves []fr.Element
		for i, state := range fillStates(16 * 4)[:min(count, 52)] {
			copy(inputs[i][:], state[:7])
			copy(children[i][:], state[8:])
			copy(pages[i][:], state[16:])
		}
		for i := range count {
			messages = append(messages, Hash7(9, inputs[i][:]...))
			nodes = append(nodes, HashNode(&children[i]))
			leaves = append(leaves, HashPage(&pages[i]))
		}
		gotNodes, gotLeaves := make([]fr.Element, count), make([]fr.Element, count)
		HashNodes(children, gotNodes)
		HashPages(pages, gotLeaves)
		if !slices.Equal(Hash7Many(9, inputs), messages) || !slices.Equal(gotNodes, nodes) || !slices.Equal(gotLeaves, leaves) {
			t.Fatalf("%d hashes at once differ from one by one", count)
		}
	}
}

func BenchmarkPermuteMany(b *testing.B) {
	narrow, wide := make([][8]fr.Element, Lanes), make([][16]fr.Element, Lanes)
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.N*Lanes)/b.Elapsed().Seconds(), "permutations/s")
	}
	b.Run("8", func(b *testing.B) {
		for b.Loop() {
			PermuteMany8(narrow)
		}
		report(b)
	})
	b.Run("16", func(b *testing.B) {
		for b.Loop() {
			PermuteMany16(wide)
		}
		report(b)
	})
}

func BenchmarkPermute8(b *testing.B) {
	var state [8]fr.Element
	for b.Loop() {
		Permute8(&state)
	}
}

func BenchmarkPermute16(b *testing.B) {
	var state [16]fr.Element
	for b.Loop() {
		Permute16(&state)
	}
}
