package signature

import (
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

const (
	orderBits  = 251
	baseWidth  = 6
	baseDigits = orderBits/baseWidth + 1
)

// buildBaseTable computes the multiples 1 .. 2^(baseWidth-1) of 2^(baseWidth i) B for each digit i.
func buildBaseTable() *[baseDigits][1 << (baseWidth - 1)]addend {
	var table [baseDigits][1 << (baseWidth - 1)]addend
	first := curve.Base
	for i := range table {
		multiple := first
		for j := range table[i] {
			table[i][j] = newAddend(&multiple)
			multiple.Add(&multiple, &first)
		}
		for range baseWidth {
			first.Double(&first)
		}
	}
	return &table
}

// addMultiple adds [digit]P, of which `multiples` holds 1 P, 2 P, ...
func (p *point) addMultiple(multiples []addend, digit int16) {
	switch {
	case digit > 0:
		p.add(&multiples[digit-1])
	case digit < 0:
		negated := multiples[-digit-1].negate()
		p.add(&negated)
	}
}

// multiplyBase computes [s]B for s < l.
func multiplyBase(s *scalar) point {
	var digits [baseDigits]int16
	s.split(baseWidth, digits[:])
	p := newNeutral()
	for i, digit := range digits {
		p.addMultiple(baseRow[i][:], digit)
	}
	return p
}

// multiply computes [s]P for s < l, P any point of the curve.
func multiply(a *twistededwards.PointAffine, s *scalar) point {
	const width, count = 5, orderBits/5 + 1
	var multiples [1 << (width - 1)]point
	multiples[0] = newPoint(a)
	step := newAddend(a)
	for i := 1; i < len(multiples); i++ {
		multiples[i] = multiples[i-1]
		multiples[i].add(&step)
	}
	var digits [count]int16
	s.split(width, digits[:])
	p := newNeutral()
	for i := count - 1; i >= 0; i-- {
		p.double(width)
		switch digit := digits[i]; {
		case digit > 0:
			p.addPoint(&multiples[digit-1])
		case digit < 0:
			q := multiples[-digit-1]
			q.x.Neg(&q.x)
			q.t.Neg(&q.t)
			p.addPoint(&q)
		}
	}
	return p
}

// sumMultiples computes the sum of [s_i]P_i, each s_i below 2^size, by Pippenger's buckets.
func sumMultiples(points []addend, scalars []scalar, size int) point {
	total := newNeutral()
	if len(points) == 0 {
		return total
	}
	width := chooseWidth(len(points))
	count := countDigits(size, width)
	digits := make([]int16, count*len(points))
	for i := range scalars {
		scalars[i].split(width, digits[i*count:(i+1)*count])
	}
	buckets := make([]point, 1<<(width-1))
	for k := count - 1; k >= 0; k-- {
		total.double(width)
		for i := range buckets {
			buckets[i] = newNeutral()
		}
		for i := range points {
			switch digit := digits[i*count+k]; {
			case digit > 0:
				buckets[digit-1].add(&points[i])
			case digit < 0:
				negated := points[i].negate()
				buckets[-digit-1].add(&negated)
			}
		}
		sum := sumBuckets(buckets)
		total.addPoint(&sum)
	}
	return total
}

// sumBuckets computes the sum of [i + 1] bucket i.
func sumBuckets(buckets []point) point {
	running, sum := newNeutral(), newNeutral()
	for i := len(buckets) - 1; i >= 0; i-- {
		running.addPoint(&buckets[i])
		sum.addPoint(&running)
	}
	return sum
}

// chooseWidth balances additions to buckets (one a point and digit) with summing the buckets.
func chooseWidth(points int) int {
	return max(3, min(12, bits.Len(uint(points))-2))
}

// invertAll replaces each element by its inverse; none may be zero.
func invertAll(elements []fr.Element) {
	copy(elements, fr.BatchInvert(elements))
}
