package chain

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/crypto/sha3"
)

func keccak(parts ...[]byte) (digest [Size]byte) {
	h := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(digest[:0])
	return digest
}

func number(value uint64) []byte {
	var raw [Size]byte
	binary.BigEndian.PutUint64(raw[Size-8:], value)
	return raw[:]
}

// rule: 09-R08, 09-R11
func TestExtendFollowsTheRules(t *testing.T) {
	parts := bytes.Repeat([]byte{7}, 6*Size)
	for i := range parts {
		parts[i] += byte(i)
	}
	before := keccak([]byte("before"))
	leaves, err := Extend(parts, []int64{1, 3, 2}, 1<<40, 1234, before)
	if err != nil {
		t.Fatal(err)
	}
	running, first, at := before, uint64(1<<40), 0
	for i, count := range []int{1, 3, 2} {
		own := parts[at*Size : (at+count)*Size]
		for k := range count {
			running = keccak(running[:], own[k*Size:(k+1)*Size])
		}
		words := keccak(own)
		hash := keccak(number(first), number(uint64(count)), number(1234), words[:], running[:])
		if leaves[i] != (Leaf{words, running, hash}) {
			t.Errorf("leaf %d", i)
		}
		first += uint64(count)
		at += count
	}
}

// rule: 09-R11
func TestEveryPathLeadsToTheRoot(t *testing.T) {
	for size := 1; size < 40; size++ {
		hashes := make([][Size]byte, size)
		for i := range hashes {
			hashes[i] = keccak(number(uint64(i)))
		}
		levels := Levels(hashes)
		top := levels[len(levels)-1]
		if len(top) != 1 {
			t.Fatal("no root")
		}
		for i, value := range hashes {
			for level, place := 0, i; level < len(levels)-1; level, place = level+1, place/2 {
				if place^1 >= len(levels[level]) {
					continue
				}
				sibling := levels[level][place^1]
				if bytes.Compare(value[:], sibling[:]) > 0 {
					value, sibling = sibling, value
				}
				value = keccak(value[:], sibling[:])
			}
			if value != top[0] {
				t.Errorf("leaf %d of %d", i, size)
			}
		}
	}
}

func TestItemsMustFitTheirParts(t *testing.T) {
	parts := make([]byte, 3*Size)
	for _, counts := range [][]int64{{4}, {2}, {0, 3}, {-1, 4}, {1 << 62}, {1 << 62, 3}, {}} {
		if _, err := Extend(parts, counts, 1, 1, [Size]byte{}); err == nil {
			t.Errorf("%v fits", counts)
		}
	}
}
