package circuits_test

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/memory"
	"miletus/circuits/steps"
)

// mostInputs is more than any row asks for besides its head.
const mostInputs = 500

// stepUnits has a row of each table of steps.
func stepUnits() (units []unit) {
	const headInputs = 2 + steps.CarriedCount
	for _, table := range steps.Tables {
		units = append(units, unit{"step: " + table.Name, wide, headInputs + mostInputs, 2, func(b bus.Bus, rows [][]frontend.Variable) {
			shared := shareBatch(b, rows[0][headInputs+mostInputs-5:])
			for _, in := range rows {
				head := steps.Head{Enabled: in[0], Number: in[1]}
				copy(head.Carried[:], in[2:headInputs])
				steps.Define(shared, table, &head, &steps.Inputs{Wires: in[headInputs : headInputs+mostInputs-5]})
			}
		}})
	}
	return units
}

// shareBatch makes what rows have in common, of five inputs.
func shareBatch(b bus.Bus, in []frontend.Variable) *steps.Shared {
	known := func(i, bits int) integers.Integer { return integers.Known(in[i], bits) }
	return &steps.Shared{Bus: b, Memory: memory.New(b, steps.TupleCells, 13), Batch: steps.Batch{
		Words: known(0, 16), Inbox: known(1, 1), OffChain: known(2, 1), TimeBoundMS: known(3, 48), Domain: in[4],
	}}
}
