package bus

import (
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/std/multicommit"

	"miletus/circuits/poseidon"
)

// challengeDomain is what the commitment is hashed with; no other use of the permutation has it as its tag.
const challengeDomain = 0x6d696c2d627573 // "mil-bus"

// close makes the one commitment and, with its challenges, the sums. It runs after the circuit is defined.
func (b *Logup) close(frontend.API) error {
	for _, table := range b.ranges {
		if err := b.countSmall(table); err != nil {
			return err
		}
	}
	b.closed = true
	if len(b.committed) == 0 {
		return nil
	}
	multicommit.WithCommitment(b.api, b.balanceAll, b.committed...)
	return nil
}

// challenges of a circuit, and the powers of beta as they are needed.
type challenges struct {
	api          frontend.API
	gamma, delta frontend.Variable
	beta         []frontend.Variable // beta[i] is the i-th power
}

// drawChallenges gets gamma, beta and delta from the commitment by one permutation.
func drawChallenges(api frontend.API, commitment frontend.Variable) *challenges {
	drawn := poseidon.New(api).Draw(challengeDomain, commitment, 3)
	return &challenges{
		api:   api,
		gamma: Settle(api, drawn[0]),
		beta:  []frontend.Variable{1, Settle(api, drawn[1])},
		delta: Settle(api, drawn[2]),
	}
}

// power returns the i-th power of beta.
func (c *challenges) power(i int) frontend.Variable {
	for len(c.beta) <= i {
		c.beta = append(c.beta, c.api.Mul(c.beta[len(c.beta)-1], c.beta[1]))
	}
	return c.beta[i]
}

// fold returns the sum of beta^i tuple[i] over what is not nil.
func (c *challenges) fold(tuple []frontend.Variable) frontend.Variable {
	var sum frontend.Variable = 0
	for i, v := range tuple {
		if v != nil {
			sum = c.api.Add(sum, c.api.Mul(c.power(i), v))
		}
	}
	return sum
}

// split parts an exchange into what both tuples share, what is only taken and what is only given.
func (e *exchange) split() (shared, taken, given []frontend.Variable) {
	shared = make([]frontend.Variable, len(e.taken))
	taken = make([]frontend.Variable, len(e.taken))
	for i, v := range e.taken {
		if e.given[i] == nil {
			shared[i] = v
		} else {
			taken[i] = v
		}
	}
	return shared, taken, e.given
}

// balanceAll asserts that each sum is zero.
func (b *Logup) balanceAll(_ frontend.API, commitment frontend.Variable) error {
	c := drawChallenges(b.api, commitment)
	for _, a := range b.order {
		a.balance(c)
	}
	for _, table := range b.ranges {
		table.balance(c)
	}
	return nil
}

// balance asserts that the account's sum is zero. Its denominators hold gamma, so that none is zero but with a
// chance of 2^-230, and no fraction is 0 / 0.
func (a *account) balance(c *challenges) {
	var fractions, plus, minus []frontend.Variable
	add := func(count, denominator frontend.Variable) {
		switch value, constant := c.api.Compiler().ConstantValue(count); {
		case constant && value.IsInt64() && value.Int64() == 1:
			plus = append(plus, denominator)
		case constant && value.Cmp(minusOne(c.api)) == 0:
			minus = append(minus, denominator)
		default:
			fractions = append(fractions, c.api.DivUnchecked(count, denominator))
		}
	}
	for _, e := range a.entries {
		count := e.count
		if e.change != nil {
			count = c.api.Add(count, c.api.Mul(c.delta, e.change))
		}
		add(count, c.api.Sub(c.gamma, c.fold(e.tuple)))
	}
	for _, e := range a.exchanges {
		shared, taken, given := e.split()
		rest := c.api.Sub(c.gamma, c.fold(shared))
		add(c.api.Neg(e.enabled), c.api.Sub(rest, c.fold(taken)))
		add(e.enabled, c.api.Sub(rest, c.fold(given)))
	}
	fractions = append(fractions, invertAll(c.api, plus)...)
	c.api.AssertIsEqual(sumAll(c.api, fractions), sumAll(c.api, invertAll(c.api, minus)))
}

// invertAll inverts at one constraint each; a zero makes the circuit unsatisfiable.
func invertAll(api frontend.API, values []frontend.Variable) []frontend.Variable {
	return api.Compiler().(frontend.BatchInverter).BatchInvert(values)
}

func sumAll(api frontend.API, values []frontend.Variable) frontend.Variable {
	switch len(values) {
	case 0:
		return 0
	case 1:
		return values[0]
	}
	return api.Add(values[0], values[1], values[2:]...)
}
