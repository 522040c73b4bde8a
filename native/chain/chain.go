// Package chain computes what a sequencer confirms of a group of items: the running keccak, the hash of each
// item's words, and a Merkle tree over both (spec 09-R08, 09-R11).
package chain

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/sha3"
)

// Size is the number of bytes of a hash, and of what each number stands for: a tag and a word.
const Size = 32

// Leaf is what is confirmed of an item.
type Leaf struct {
	WordsHash, Running, Hash [Size]byte
}

// hasher is a keccak256 that is used again and again.
type hasher struct {
	state interface {
		Write([]byte) (int, error)
		Reset()
		Read([]byte) (int, error)
	}
}

func newHasher() hasher {
	return hasher{state: sha3.NewLegacyKeccak256().(interface {
		Write([]byte) (int, error)
		Reset()
		Read([]byte) (int, error)
	})}
}

func (h hasher) sum(parts ...[]byte) (digest [Size]byte) {
	h.state.Reset()
	for _, part := range parts {
		h.state.Write(part)
	}
	h.state.Read(digest[:])
	return digest
}

// Extend computes the leaves of a group. `parts` are the 32 bytes of each number, one after the other, of which
// item i has counts[i]; `number` is the first one, `running` the chain before it.
func Extend(parts []byte, counts []int64, number, timeMs uint64, running [Size]byte) ([]Leaf, error) {
	h := newHasher()
	leaves := make([]Leaf, len(counts))
	at := 0
	for i, count := range counts {
		if count < 1 || count > int64(len(parts)-at)/Size {
			return nil, fmt.Errorf("item %d of %d parts does not fit into %d bytes", i, count, len(parts))
		}
		end := at + int(count)*Size
		leaf := &leaves[i]
		leaf.WordsHash = h.sum(parts[at:end])
		for ; at < end; at += Size {
			running = h.sum(running[:], parts[at:at+Size])
		}
		leaf.Running = running
		var numbers [3 * Size]byte
		for k, value := range []uint64{number, uint64(count), timeMs} {
			binary.BigEndian.PutUint64(numbers[(k+1)*Size-8:], value)
		}
		leaf.Hash = h.sum(numbers[:], leaf.WordsHash[:], leaf.Running[:])
		number += uint64(count)
	}
	if at != len(parts) {
		return nil, fmt.Errorf("%d bytes of parts are left over", len(parts)-at)
	}
	return leaves, nil
}

// Levels gives every level of the Merkle tree over hashes, the hashes themselves first, the root last. A pair is
// hashed smaller first; a hash without a pair goes up as it is.
func Levels(hashes [][Size]byte) [][][Size]byte {
	h := newHasher()
	levels := [][][Size]byte{hashes}
	for below := hashes; len(below) > 1; {
		above := make([][Size]byte, (len(below)+1)/2)
		for i := range above {
			if 2*i+1 == len(below) {
				above[i] = below[2*i]
				continue
			}
			left, right := &below[2*i], &below[2*i+1]
			if bytes.Compare(left[:], right[:]) > 0 {
				left, right = right, left
			}
			above[i] = h.sum(left[:], right[:])
		}
		levels = append(levels, above)
		below = above
	}
	return levels
}
