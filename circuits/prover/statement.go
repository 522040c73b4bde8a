package prover

import (
	"errors"
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/keys"
)

// ErrJob says that a job can't be proved as it is: it contradicts itself or what it is said to be about.
var ErrJob = errors.New("prover: bad job")

// ErrStopped says that a job was stopped from outside.
var ErrStopped = errors.New("prover: the job was stopped")

func refuse(format string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrJob, fmt.Sprintf(format, values...))
}

// Statement is something to be proved by one proof.
type Statement struct {
	Circuit    string
	Assignment frontend.Circuit
	About      map[string]any // what the statement is about, for whoever reads the result
}

// Source gives the statements of a job, one after the other, and nil after the last.
type Source interface {
	Next() (*Statement, error)
	// Total is the number of statements, 0 if that is not known yet.
	Total() int
}

// list is a source of statements that are all known.
type list struct {
	statements []*Statement
	at         int
}

func (l *list) Next() (*Statement, error) {
	if l.at == len(l.statements) {
		return nil, nil
	}
	l.at++
	return l.statements[l.at-1], nil
}

func (l *list) Total() int { return len(l.statements) }

// Circuits are those that a prover knows, by name.
type Circuits map[string]*keys.Circuit

// Find gives the circuit of a name.
func (c Circuits) Find(name string) (*keys.Circuit, error) {
	if circuit := c[name]; circuit != nil {
		return circuit, nil
	}
	names := make([]string, 0, len(c))
	for known := range c {
		names = append(names, known)
	}
	return nil, refuse("there is no circuit %q, only %v", name, sorted(names))
}
