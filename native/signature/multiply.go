package signature

import "math/bits"

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

// sumMultiples computes the sum of [s_i]P_i, P_i any points of the curve and s_i < 2^251.
func sumMultiples(points []addend, scalars []scalar) point {
	if len(points) < fewestForBuckets {
		return sumInterleaved(points, scalars)
	}
	return sumByBuckets(points, scalars)
}

const (
	fewestForBuckets = 128
	nafWidth         = 5
)

// sumInterleaved doubles once a bit for all points together and adds odd multiples of each where its
// non-adjacent form says so (Straus).
func sumInterleaved(points []addend, scalars []scalar) point {
	type part struct {
		multiples [1 << (nafWidth - 2)]point // 1 P, 3 P, 5 P, ...
		digits    [nafDigits]int8
	}
	parts := make([]part, len(points))
	for i := range points {
		p := &parts[i]
		scalars[i].toNonAdjacentForm(&p.digits)
		p.multiples[0] = newNeutral()
		p.multiples[0].add(&points[i])
		twice := p.multiples[0]
		twice.double(1)
		for j := 1; j < len(p.multiples); j++ {
			p.multiples[j] = p.multiples[j-1]
			p.multiples[j].addPoint(&twice)
		}
	}
	total := newNeutral()
	for k := nafDigits - 1; k >= 0; k-- {
		total.double(1)
		for i := range parts {
			if digit := parts[i].digits[k]; digit > 0 {
				total.addPoint(&parts[i].multiples[digit/2])
			} else if digit < 0 {
				negated := parts[i].multiples[-digit/2].negate()
				total.addPoint(&negated)
			}
		}
	}
	return total
}

// sumByBuckets collects the points of one digit in a bucket a digit, then sums the buckets (Pippenger).
func sumByBuckets(points []addend, scalars []scalar) point {
	total := newNeutral()
	width := chooseWidth(len(points))
	count := countDigits(orderBits, width)
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
func chooseWidth(points int) int { return max(3, min(12, bits.Len(uint(points))-2)) }
