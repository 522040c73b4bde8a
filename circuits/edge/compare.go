package edge

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/layout"
	"miletus/circuits/tree"
)

// CompareCells says in which cell, and which fields of it, a page is not the expected one.
func CompareCells(number int64, page Page, expected [tree.Cells]fr.Element) error {
	for i := range page {
		if page[i] == expected[i] {
			continue
		}
		kind := layout.PageKind(number)
		if i >= len(layout.Packing[kind]) || layout.CellBits(layout.Packing[kind][i]) > 252 {
			return fmt.Errorf("page %d (kind %d), cell %d: %s, expected %s", number, kind, i, page[i].String(), expected[i].String())
		}
		slots := layout.Packing[kind][i]
		got, want := layout.UnpackCell(slots, &page[i]), layout.UnpackCell(slots, &expected[i])
		at := 0
		for j := range slots {
			if got[j] != want[j] {
				at = j
				break
			}
		}
		return fmt.Errorf("page %d (kind %d), cell %d, field %d: %d, expected %d", number, kind, i, slots[at].Field, got[at], want[at])
	}
	return nil
}
