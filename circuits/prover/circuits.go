package prover

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/edge"
	"miletus/circuits/keys"
	"miletus/circuits/outbox"
)

// Known are the circuits that L1 has verifiers of.
func Known() Circuits {
	known := Circuits{OutboxCircuit: {Name: OutboxCircuit, New: outbox.New}}
	for _, size := range edge.Sizes() {
		name := EdgeCircuit(size.Name)
		known[name] = &keys.Circuit{Name: name, New: func() frontend.Circuit { return edge.New(size) }}
	}
	return known
}
