package prover

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/edge"
	"miletus/circuits/exit"
	"miletus/circuits/keys"
	"miletus/circuits/outbox"
)

// Known are the circuits that L1 has verifiers of.
func Known() Circuits {
	known := Circuits{
		OutboxCircuit:  {Name: OutboxCircuit, New: outbox.New},
		ExitCircuit:    {Name: ExitCircuit, New: exit.NewAccount},
		SilenceCircuit: {Name: SilenceCircuit, New: exit.NewSilence},
	}
	for _, size := range edge.Sizes() {
		name := EdgeCircuit(size.Name)
		known[name] = &keys.Circuit{Name: name, New: func() frontend.Circuit { return edge.New(size) }}
	}
	return known
}
