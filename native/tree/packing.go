// Package tree is the state tree: pages of 64 integers packed into 16 cells, page hashes, and the sparse tree of
// 8-ary nodes over 2^30 pages (spec 02, 10-R01). What an integer means is no business of this package.
package tree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const (
	// Fields is the number of integers of a page.
	Fields = 64
	// Cells is the number of field elements of a page.
	Cells = 16

	narrowBits = 252 // any sum of so many bits, and its negative, is one field element and no other
	maxBits    = 260
)

// slot is one field's place in a cell.
type slot struct {
	field, bits, offset int
	signed              bool
}

// cell is what one field element holds. More than narrowBits must be one element in limbs, below r.
type cell struct {
	slots []slot
	wide  bool
}

// kind is how pages of one kind are packed.
type kind struct {
	cells []cell
	bare  []int // fields that no cell holds: they must be zero
}

// Packing says for each kind of page which fields make which cell.
type Packing struct {
	kinds []kind
	table []int64
}

// NewPacking reads a table: the number of kinds; for each, the number of cells; for each of those, the number of
// slots; for each of those field, bits and 1 if signed, from the cell's low end up.
func NewPacking(table []int64) (*Packing, error) {
	reader := tableReader{rest: table}
	packing := &Packing{table: slices.Clone(table)}
	for number := range reader.next(256) {
		cells := make([]cell, 0, Cells)
		used := [Fields]bool{}
		for range reader.next(Cells) {
			c, err := reader.readCell(&used)
			if err != nil {
				return nil, fmt.Errorf("packing: kind %d: %w", number, err)
			}
			cells = append(cells, c)
		}
		bare := []int{}
		for field, is := range used {
			if !is {
				bare = append(bare, field)
			}
		}
		packing.kinds = append(packing.kinds, kind{cells, bare})
	}
	if reader.broken || len(reader.rest) != 0 {
		return nil, errors.New("packing: the table is malformed")
	}
	return packing, nil
}

// readCell reads the slots of a cell and marks their fields as used.
func (r *tableReader) readCell(used *[Fields]bool) (c cell, err error) {
	offset, signed := 0, false
	for range r.next(Fields) {
		s := slot{field: r.next(Fields - 1), bits: r.next(62), offset: offset}
		s.signed = r.next(1) == 1
		if s.bits == 0 || used[s.field] {
			return c, fmt.Errorf("field %d is there twice or has no bits", s.field)
		}
		used[s.field] = true
		offset += s.bits
		signed = signed || s.signed
		c.slots = append(c.slots, s)
	}
	c.wide = offset > narrowBits
	if offset > maxBits || (c.wide && signed) {
		return c, fmt.Errorf("a cell of %d bits, at most %d, and %d if any is signed", offset, maxBits, narrowBits)
	}
	return c, nil
}

// Equal tells if this packing was made of the same table.
func (p *Packing) Equal(table []int64) bool { return slices.Equal(p.table, table) }

// tableReader takes small numbers from the front of a table.
type tableReader struct {
	rest   []int64
	broken bool
}

// next returns the next number, or 0 after marking the table as broken if it is not in 0 .. limit.
func (r *tableReader) next(limit int) int {
	if r.broken || len(r.rest) == 0 || r.rest[0] < 0 || r.rest[0] > int64(limit) {
		r.broken = true
		return 0
	}
	v := int(r.rest[0])
	r.rest = r.rest[1:]
	return v
}

// Pack computes the cells of a page. A field outside its width is an error, since two pages could then have the
// same cells.
func (p *Packing) Pack(number int, fields *[Fields]int64) (cells [Cells]fr.Element, err error) {
	if number < 0 || number >= len(p.kinds) {
		return cells, fmt.Errorf("there is no page kind %d", number)
	}
	k := &p.kinds[number]
	for i := range k.cells {
		if cells[i], err = k.cells[i].pack(fields); err != nil {
			return cells, err
		}
	}
	for _, field := range k.bare {
		if fields[field] != 0 {
			return cells, fmt.Errorf("field %d of a page of kind %d has no cell but the value %d", field, number, fields[field])
		}
	}
	return cells, nil
}

// pack sums field x 2^offset: what is positive and what is negative apart.
func (c *cell) pack(fields *[Fields]int64) (e fr.Element, err error) {
	var positive, negative [5]uint64
	for _, s := range c.slots {
		v := fields[s.field]
		size := s.bits
		if s.signed {
			size--
		}
		if v>>size != 0 && (!s.signed || v>>size != -1) {
			return e, fmt.Errorf("field %d is %d: outside its width of %d bits", s.field, v, s.bits)
		}
		if v > 0 {
			addShifted(&positive, uint64(v), s.offset)
		} else if v < 0 {
			addShifted(&negative, uint64(-v), s.offset)
		}
	}
	if c.wide && !isBelowModulus(&positive) {
		return e, fmt.Errorf("the element from field %d is not below the field's modulus", c.slots[0].field)
	}
	e = toElement(&positive)
	if negative != [5]uint64{} {
		less := toElement(&negative)
		e.Sub(&e, &less)
	}
	return e, nil
}

// addShifted adds v x 2^offset.
func addShifted(sum *[5]uint64, v uint64, offset int) {
	word, shift := offset/64, offset%64
	var carry uint64
	sum[word], carry = bits.Add64(sum[word], v<<shift, 0)
	high := v >> (64 - shift) // 0 for shift 0
	for i := word + 1; i < len(sum); i++ {
		sum[i], carry = bits.Add64(sum[i], high, carry)
		high = 0
	}
}

// modulus is r, least limb first.
var modulus = readModulus()

func readModulus() (limbs [5]uint64) {
	raw := fr.Modulus().FillBytes(make([]byte, 32))
	for i := range 4 {
		limbs[3-i] = binary.BigEndian.Uint64(raw[8*i:])
	}
	return limbs
}

func isBelowModulus(limbs *[5]uint64) bool {
	var borrow uint64
	for i := range limbs {
		_, borrow = bits.Sub64(limbs[i], modulus[i], borrow)
	}
	return borrow == 1
}

// toElement takes an integer below r.
func toElement(limbs *[5]uint64) fr.Element {
	if limbs[1]|limbs[2]|limbs[3] == 0 {
		return fr.NewElement(limbs[0])
	}
	e := fr.Element(limbs[:4])
	return *e.Mul(&e, &toMontgomery)
}

// toMontgomery is 2^256: as an element it is written 2^512, and the product with it brings plain limbs into
// Montgomery's form.
var toMontgomery = computeToMontgomery()

func computeToMontgomery() fr.Element {
	e := fr.NewElement(2)
	for range 8 {
		e.Square(&e)
	}
	return e
}
