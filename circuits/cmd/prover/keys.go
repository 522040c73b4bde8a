package main

import (
	"errors"
	"slices"
	"time"

	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// circuitLine is what is told of a circuit.
type circuitLine struct {
	Circuit     string  `json:"circuit"`
	CircuitHash string  `json:"circuit_hash"`
	Constraints int     `json:"constraints"`
	Public      int     `json:"public_inputs"`
	NeededBytes int64   `json:"needed_bytes"`
	Origin      string  `json:"origin,omitempty"` // of its keys, if there are any
	KeyHash     string  `json:"key_hash,omitempty"`
	Problem     string  `json:"problem,omitempty"`
	Seconds     float64 `json:"seconds,omitempty"`
	PeakBytes   int64   `json:"peak_bytes,omitempty"`
}

func (e *environment) names() []string {
	names := make([]string, 0, len(e.prover.Circuits))
	for name := range e.prover.Circuits {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (e *environment) system(name string) (*keys.System, error) {
	circuit, err := e.prover.Circuits.Find(name)
	if err != nil {
		return nil, err
	}
	return e.prover.Store.System(circuit)
}

// describe tells of a circuit and its keys; keys may be nil.
func describe(system *keys.System, pair *keys.Keys) (*circuitLine, error) {
	line := &circuitLine{
		Circuit: system.Name, CircuitHash: system.Hash, Constraints: system.Constraints.GetNbConstraints(),
		Public: system.Public(), NeededBytes: prover.NeededBytes(system, 1),
	}
	if pair == nil {
		return line, nil
	}
	exported, err := keys.Export(system, pair)
	if err != nil {
		return nil, err
	}
	line.Origin, line.KeyHash = pair.Origin, exported.KeyHash
	return line, nil
}

func listCircuits(e *environment, arguments []string) error {
	if len(arguments) != 0 {
		return errUsage
	}
	for _, name := range e.names() {
		if err := e.print(e.describe(name)); err != nil {
			return err
		}
	}
	return nil
}

// describe tells of a circuit whatever is known, and what is wrong with the rest.
func (e *environment) describe(name string) *circuitLine {
	system, err := e.system(name)
	if err != nil {
		return &circuitLine{Circuit: name, Problem: oneLine(err)}
	}
	pair, problem := e.prover.Store.LoadVerifying(system)
	line, err := describe(system, pair)
	if err != nil {
		line, problem = &circuitLine{Circuit: name}, err
	}
	if problem != nil {
		line.Problem = oneLine(problem)
	}
	return line
}

func setup(e *environment, arguments []string) error {
	if len(arguments) == 0 {
		return errUsage
	}
	for _, name := range arguments {
		start := time.Now()
		system, err := e.system(name)
		if err != nil {
			return err
		}
		pair, err := e.prover.Store.Setup(system)
		if err != nil {
			return err
		}
		line, err := describe(system, pair)
		if err != nil {
			return err
		}
		line.Seconds, line.PeakBytes = time.Since(start).Seconds(), prover.PeakBytes()
		if err := e.print(line); err != nil {
			return err
		}
	}
	return nil
}

func export(e *environment, arguments []string) error {
	if len(arguments) != 1 {
		return errUsage
	}
	exported, err := e.export(arguments[0])
	if err != nil {
		return err
	}
	return e.print(exported)
}

func (e *environment) export(name string) (*keys.Exported, error) {
	system, err := e.system(name)
	if err != nil {
		return nil, err
	}
	pair, err := e.prover.Store.LoadVerifying(system)
	if errors.Is(err, keys.ErrMissing) && e.prover.Setup {
		pair, err = e.prover.Store.Setup(system)
	}
	if err != nil {
		return nil, err
	}
	return keys.Export(system, pair)
}
