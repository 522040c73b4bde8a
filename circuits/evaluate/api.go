// Package evaluate runs what defines constraints over numbers instead: every operation gives its value, every
// assertion is looked at at once, and hints answer as in the solver. What is defined is thus also what computes its
// own witness. Nothing of it is part of a circuit that is proved.
package evaluate

import (
	"fmt"
	"math/big"
	"runtime"
	"strings"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
)

// Failure is an assertion that does not hold; it is thrown, and `Catch` turns it into an error.
type Failure struct{ Reason string }

// Error says what does not hold.
func (f *Failure) Error() string { return "evaluate: " + f.Reason }

// Catch runs a function and gives what it threw: a failed assertion, or a mistake of the circuit.
func Catch(run func()) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case *Failure:
			err = thrown
		default:
			panic(thrown)
		}
	}()
	run()
	return nil
}

func fail(format string, values ...any) {
	panic(&Failure{fmt.Sprintf(format, values...) + " (" + describeCallers() + ")"})
}

// describeCallers names the functions of the circuits that led to a failure, the innermost first.
func describeCallers() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	var names []string
	for {
		frame, more := frames.Next()
		if name, ours := strings.CutPrefix(frame.Function, "miletus/circuits/"); ours && !strings.HasPrefix(name, "evaluate.") {
			names = append(names, fmt.Sprintf("%s:%d", name, frame.Line))
		}
		if !more || len(names) == 6 {
			return strings.Join(names, " < ")
		}
	}
}

// Value is the element that a variable stands for.
func Value(v frontend.Variable) fr.Element {
	switch value := v.(type) {
	case fr.Element:
		return value
	case *fr.Element:
		return *value
	}
	var element fr.Element
	if _, err := element.SetInterface(v); err != nil {
		panic(fmt.Sprintf("evaluate: %T is no number", v))
	}
	return element
}

// Big is the element that a variable stands for, from 0 to the modulus.
func Big(v frontend.Variable) *big.Int {
	value := Value(v)
	return value.BigInt(new(big.Int))
}

// Int is a small number, negative ones as the modulus less it.
func Int(v frontend.Variable) int64 {
	value := Big(v)
	if value.IsInt64() {
		return value.Int64()
	}
	value.Sub(value, fr.Modulus())
	if !value.IsInt64() {
		panic("evaluate: the number has more than 63 bits")
	}
	return value.Int64()
}

// api computes.
type api struct{ compiler compiler }

// compiler answers hints.
type compiler struct{ frontend.Compiler }

// NewAPI makes an API that computes.
func NewAPI() frontend.API { return &api{} }

func (a *api) Add(x, y frontend.Variable, more ...frontend.Variable) frontend.Variable {
	left, right := Value(x), Value(y)
	left.Add(&left, &right)
	for _, v := range more {
		next := Value(v)
		left.Add(&left, &next)
	}
	return left
}

func (a *api) MulAcc(sum, x, y frontend.Variable) frontend.Variable { return a.Add(sum, a.Mul(x, y)) }

func (a *api) Neg(x frontend.Variable) frontend.Variable {
	value := Value(x)
	value.Neg(&value)
	return value
}

func (a *api) Sub(x, y frontend.Variable, more ...frontend.Variable) frontend.Variable {
	left, right := Value(x), Value(y)
	left.Sub(&left, &right)
	for _, v := range more {
		next := Value(v)
		left.Sub(&left, &next)
	}
	return left
}

func (a *api) Mul(x, y frontend.Variable, more ...frontend.Variable) frontend.Variable {
	left, right := Value(x), Value(y)
	left.Mul(&left, &right)
	for _, v := range more {
		next := Value(v)
		left.Mul(&left, &next)
	}
	return left
}

// DivUnchecked gives 0 for 0 / 0, as the solver does.
func (a *api) DivUnchecked(x, y frontend.Variable) frontend.Variable {
	divisor := Value(y)
	if divisor.IsZero() {
		if value := Value(x); !value.IsZero() {
			fail("division by zero")
		}
		return fr.Element{}
	}
	return a.Mul(x, *divisor.Inverse(&divisor))
}

func (a *api) Div(x, y frontend.Variable) frontend.Variable {
	if divisor := Value(y); divisor.IsZero() {
		fail("division by zero")
	}
	return a.DivUnchecked(x, y)
}

func (a *api) Inverse(x frontend.Variable) frontend.Variable { return a.Div(1, x) }

func (a *api) ToBinary(x frontend.Variable, n ...int) []frontend.Variable {
	count := fr.Bits
	if len(n) > 0 {
		count = n[0]
	}
	value := Big(x)
	if value.BitLen() > count {
		fail("%v has more than %d bits", value, count)
	}
	bits := make([]frontend.Variable, count)
	for i := range bits {
		bits[i] = fr.NewElement(uint64(value.Bit(i)))
	}
	return bits
}

func (a *api) FromBinary(bits ...frontend.Variable) frontend.Variable {
	var sum frontend.Variable = fr.Element{}
	for i := len(bits) - 1; i >= 0; i-- {
		sum = a.Add(a.Add(sum, sum), bits[i])
	}
	return sum
}

func (a *api) Xor(x, y frontend.Variable) frontend.Variable {
	return a.Sub(a.Add(x, y), a.Mul(2, x, y))
}

func (a *api) Or(x, y frontend.Variable) frontend.Variable { return a.Sub(a.Add(x, y), a.Mul(x, y)) }

func (a *api) And(x, y frontend.Variable) frontend.Variable { return a.Mul(x, y) }

func (a *api) Select(bit, x, y frontend.Variable) frontend.Variable {
	return a.Add(y, a.Mul(bit, a.Sub(x, y)))
}

func (a *api) Lookup2(b0, b1, i0, i1, i2, i3 frontend.Variable) frontend.Variable {
	return a.Select(b1, a.Select(b0, i3, i2), a.Select(b0, i1, i0))
}

func (a *api) IsZero(x frontend.Variable) frontend.Variable {
	if value := Value(x); value.IsZero() {
		return fr.One()
	}
	return fr.Element{}
}

func (a *api) Cmp(x, y frontend.Variable) frontend.Variable {
	return *new(fr.Element).SetInt64(int64(Big(x).Cmp(Big(y))))
}

func (a *api) AssertIsEqual(x, y frontend.Variable) {
	left, right := Value(x), Value(y)
	if !left.Equal(&right) {
		fail("%s is not %s", left.String(), right.String())
	}
}

func (a *api) AssertIsDifferent(x, y frontend.Variable) {
	left, right := Value(x), Value(y)
	if left.Equal(&right) {
		fail("%s is to be another number", left.String())
	}
}

func (a *api) AssertIsBoolean(x frontend.Variable) {
	if value := Value(x); !value.IsZero() && !value.IsOne() {
		fail("%s is no bit", value.String())
	}
}

func (a *api) AssertIsCrumb(x frontend.Variable) {
	if Big(x).Cmp(big.NewInt(3)) > 0 {
		fail("%v is no crumb", Big(x))
	}
}

func (a *api) AssertIsLessOrEqual(x, bound frontend.Variable) {
	if Big(x).Cmp(Big(bound)) > 0 {
		fail("%v is above %v", Big(x), Big(bound))
	}
}

func (a *api) Println(...frontend.Variable) {}

func (a *api) Compiler() frontend.Compiler { return &a.compiler }

func (a *api) NewHint(f solver.Hint, count int, inputs ...frontend.Variable) ([]frontend.Variable, error) {
	return a.compiler.NewHint(f, count, inputs...)
}

func (a *api) ConstantValue(v frontend.Variable) (*big.Int, bool) { return a.compiler.ConstantValue(v) }

func (c *compiler) NewHint(f solver.Hint, count int, inputs ...frontend.Variable) ([]frontend.Variable, error) {
	in, out := make([]*big.Int, len(inputs)), make([]*big.Int, count)
	for i := range in {
		in[i] = Big(inputs[i])
	}
	for i := range out {
		out[i] = new(big.Int)
	}
	if err := f(fr.Modulus(), in, out); err != nil {
		return nil, err
	}
	outputs := make([]frontend.Variable, count)
	for i := range out {
		outputs[i] = *new(fr.Element).SetBigInt(out[i])
	}
	return outputs, nil
}

// ConstantValue knows the numbers that a circuit writes down, and none that are computed.
func (c *compiler) ConstantValue(v frontend.Variable) (*big.Int, bool) {
	switch value := v.(type) {
	case int:
		return big.NewInt(int64(value)), true
	case int64:
		return big.NewInt(value), true
	case uint64:
		return new(big.Int).SetUint64(value), true
	case *big.Int:
		return value, true
	}
	return nil, false
}

func (c *compiler) Field() *big.Int { return fr.Modulus() }

func (c *compiler) FieldBitLen() int { return fr.Bits }

func (c *compiler) MarkBoolean(frontend.Variable) {}

func (c *compiler) IsBoolean(frontend.Variable) bool { return false }

// Defer forgets what is to be done when a circuit is complete: there is none.
func (c *compiler) Defer(func(frontend.API) error) {}
