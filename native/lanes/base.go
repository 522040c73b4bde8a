package lanes

import (
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/twistededwards"
)

const (
	baseWindow = 5
	baseDigits = 51
)

// entry is a multiple of -B, made ready to be added: Y+X, Y-X, 2d XY.
type entry [3]limbs

// getTables gives 0 .. 31 times -B for each digit of a response, digit by digit, and 2 d.
var getTables = sync.OnceValues(func() (*[baseDigits << baseWindow]entry, limbs) {
	curve := twistededwards.GetEdwardsCurve()
	var twiceD fr.Element
	twiceD.Double(&curve.D)
	var table [baseDigits << baseWindow]entry
	var step twistededwards.PointAffine
	step.Neg(&curve.Base)
	for digit := range baseDigits {
		multiple := twistededwards.PointAffine{Y: fr.One()}
		for i := range 1 << baseWindow {
			table[digit<<baseWindow+i] = newEntry(&multiple, &twiceD)
			multiple.Add(&multiple, &step)
		}
		step = multiple // 32 times what it was
	}
	return &table, toLimbs(&twiceD)
})

func newEntry(p *twistededwards.PointAffine, twiceD *fr.Element) entry {
	var sum, difference, product fr.Element
	sum.Add(&p.Y, &p.X)
	difference.Sub(&p.Y, &p.X)
	product.Mul(&p.X, &p.Y).Mul(&product, twiceD)
	return entry{toLimbs(&sum), toLimbs(&difference), toLimbs(&product)}
}
