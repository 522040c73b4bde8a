package tree

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/native/poseidon"
)

// SetCells sets one page by its cells and returns the new root.
func (t *Tree) SetCells(number int64, cells *[Cells]fr.Element) (fr.Element, error) {
	if number < 0 || number >= Pages {
		return fr.Element{}, fmt.Errorf("page number %d is not in 0..%d", number, Pages-1)
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.apply(1, []leaf{{uint32(number), poseidon.HashPage(cells)}})
	return t.getHash(Depth, 0), nil
}
