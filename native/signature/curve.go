// Package signature is EdDSA on BabyJubJub as spec 10-R03 to 10-R06 have it: keys, signing, and the one
// cofactored check, one by one or many at once. The check is total: every input is valid or not, none an error.
package signature

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

// The curve is -x^2 + y^2 = 1 + d x^2 y^2. -1 is a square and d is none, so the addition below has no
// exceptions: small orders, doubling and the neutral element included.
var (
	curve   = twistededwards.GetEdwardsCurve()
	twiceD  fr.Element
	baseRow = buildBaseTable()
)

func init() { twiceD.Double(&curve.D) }

// point is (X/Z, Y/Z) with T = XY/Z.
type point struct{ x, y, z, t fr.Element }

// addend is an affine point made ready to be added: y+x, y-x and 2d xy.
type addend struct{ sum, difference, product fr.Element }

func newNeutral() point {
	var p point
	p.y.SetOne()
	p.z.SetOne()
	return p
}

func newAddend(a *twistededwards.PointAffine) addend {
	var r addend
	var d fr.Element
	d.Double(&curve.D)
	r.sum.Add(&a.Y, &a.X)
	r.difference.Sub(&a.Y, &a.X)
	r.product.Mul(&a.X, &a.Y).Mul(&r.product, &d)
	return r
}

// negate gives the addend of -P.
func (a *addend) negate() addend {
	r := addend{sum: a.difference, difference: a.sum}
	r.product.Neg(&a.product)
	return r
}

// add adds an affine point (madd-2008-hwcd-3 of the Explicit-Formulas Database).
func (p *point) add(q *addend) {
	var a, b, c, d, e, f, g, h fr.Element
	a.Sub(&p.y, &p.x)
	b.Add(&p.y, &p.x)
	a.Mul(&a, &q.difference)
	b.Mul(&b, &q.sum)
	c.Mul(&p.t, &q.product)
	d.Double(&p.z)
	e.Sub(&b, &a)
	f.Sub(&d, &c)
	g.Add(&d, &c)
	h.Add(&b, &a)
	p.x.Mul(&e, &f)
	p.y.Mul(&g, &h)
	p.t.Mul(&e, &h)
	p.z.Mul(&f, &g)
}

// addPoint adds a point in the same coordinates (add-2008-hwcd-3).
func (p *point) addPoint(q *point) {
	var a, b, c, d, e, f, g, h, s fr.Element
	a.Sub(&p.y, &p.x)
	s.Sub(&q.y, &q.x)
	a.Mul(&a, &s)
	b.Add(&p.y, &p.x)
	s.Add(&q.y, &q.x)
	b.Mul(&b, &s)
	c.Mul(&p.t, &q.t).Mul(&c, &twiceD)
	d.Mul(&p.z, &q.z).Double(&d)
	e.Sub(&b, &a)
	f.Sub(&d, &c)
	g.Add(&d, &c)
	h.Add(&b, &a)
	p.x.Mul(&e, &f)
	p.y.Mul(&g, &h)
	p.t.Mul(&e, &h)
	p.z.Mul(&f, &g)
}

// double doubles n times (dbl-2008-hwcd); T, which only an addition reads, is computed by the last.
func (p *point) double(n int) {
	var a, b, c, e, f, g, h fr.Element
	for i := range n {
		a.Square(&p.x)
		b.Square(&p.y)
		c.Square(&p.z).Double(&c)
		e.Add(&p.x, &p.y)
		e.Square(&e).Sub(&e, &a).Sub(&e, &b)
		g.Sub(&b, &a)
		f.Sub(&g, &c)
		h.Add(&a, &b).Neg(&h)
		p.x.Mul(&e, &f)
		p.y.Mul(&g, &h)
		p.z.Mul(&f, &g)
		if i == n-1 {
			p.t.Mul(&e, &h)
		}
	}
}

// negate gives -P.
func (p *point) negate() point {
	r := *p
	r.x.Neg(&p.x)
	r.t.Neg(&p.t)
	return r
}

// isNeutral tells if the point is (0, 1).
func (p *point) isNeutral() bool { return p.x.IsZero() && p.y.Equal(&p.z) }

func (p *point) toAffine() twistededwards.PointAffine {
	var inverse fr.Element
	var a twistededwards.PointAffine
	inverse.Inverse(&p.z)
	a.X.Mul(&p.x, &inverse)
	a.Y.Mul(&p.y, &inverse)
	return a
}
