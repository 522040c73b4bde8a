package prover

import (
	"encoding/binary"

	"miletus/circuits/edge"
	"miletus/circuits/layout"
	native "miletus/native/tree"
)

// PagesJob is the pages of a state that are not zero, as the engine has them: little-endian integers of 64 bits in
// base64, `Numbers` one a page and `Fields` 64 a page.
type PagesJob struct {
	Numbers string `json:"numbers"`
	Fields  string `json:"fields"`
}

// state is pages and the tree over them.
type state struct {
	tree  *native.Tree
	pages map[int64]edge.Page
}

func parseIntegers(what, text string) ([]int64, error) {
	raw, err := parseBytes(what, text)
	if err != nil {
		return nil, err
	}
	if len(raw)%8 != 0 {
		return nil, refuse("%s has %d bytes, which are no integers of 64 bits", what, len(raw))
	}
	numbers := make([]int64, len(raw)/8)
	for i := range numbers {
		numbers[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return numbers, nil
}

// open packs the pages. `root`, if it is not empty, is the root that they must have.
func (j *PagesJob) open(root string) (*state, error) {
	numbers, err := parseIntegers("the list of page numbers", j.Numbers)
	if err != nil {
		return nil, err
	}
	fields, err := parseIntegers("the list of fields", j.Fields)
	if err != nil {
		return nil, err
	}
	if len(fields) != layout.Page*len(numbers) {
		return nil, refuse("%d fields for %d pages: each has %d", len(fields), len(numbers), layout.Page)
	}
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		return nil, err
	}
	s := &state{native.New(packing), make(map[int64]edge.Page, len(numbers))}
	kinds := make([]int64, len(numbers))
	for i, number := range numbers {
		kinds[i] = layout.PageKind(number)
		own := (*[layout.Page]int64)(fields[layout.Page*i:])
		cells, err := packing.Pack(int(kinds[i]), own)
		if err != nil {
			return nil, refuse("page %d: %v", number, err)
		}
		s.pages[number] = cells
	}
	got, err := s.tree.Update(numbers, kinds, fields)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if root == "" {
		return s, nil
	}
	expected, err := parseElement("the root before", root)
	if err != nil {
		return nil, err
	}
	if got != expected {
		return nil, refuse("the pages have the root %s, not %s, where the batch begins: take the state from another node, or rebuild it from L1",
			hexElement(&got), hexElement(&expected))
	}
	return s, nil
}
