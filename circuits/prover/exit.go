package prover

import (
	"encoding/hex"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/exit"
	"miletus/circuits/tree"
)

const (
	// ExitCircuit is the name of the circuit of what an account is worth.
	ExitCircuit = "exit"
	// SilenceCircuit is the name of the circuit of an oracle's silence.
	SilenceCircuit = "silence"
)

// ExitJob asks for the proofs of what an account is worth in a state, as many as it takes to its end.
type ExitJob struct {
	Kind    string   `json:"kind"`
	Root    string   `json:"root"`
	Pages   PagesJob `json:"pages"`
	Account int64    `json:"account"`
	// Cursor is where the last proof of the account that L1 has ended, and SumMicros what it says up to there; 0 at
	// the beginning.
	Cursor    int64 `json:"cursor,omitempty"`
	SumMicros int64 `json:"sum_micros,omitempty"`
}

// SilenceJob asks for a proof of an underlying's last tick in a state where somebody holds an instrument of it.
type SilenceJob struct {
	Kind       string   `json:"kind"`
	Root       string   `json:"root"`
	Pages      PagesJob `json:"pages"`
	Underlying int64    `json:"underlying"`
}

// read is the state as the circuits of the exit read it.
func (s *state) read() *exit.State {
	pages := make(map[int64][tree.Cells]fr.Element, len(s.pages))
	for number, page := range s.pages {
		pages[number] = page
	}
	return &exit.State{Tree: s.tree, Pages: pages}
}

// walks goes over an account proof by proof.
type walks struct {
	state       *exit.State
	account     int64
	cursor, sum int64
}

func (j *ExitJob) open() (Source, error) {
	state, err := j.Pages.open(j.Root)
	if err != nil {
		return nil, err
	}
	w := &walks{state.read(), j.Account, j.Cursor, j.SumMicros}
	if _, _, err := exit.AssignAccount(w.state, w.account, w.cursor, w.sum, 0); err != nil {
		return nil, refuse("%v", err)
	}
	return w, nil
}

func (w *walks) Total() int { return 0 }

// Next walks on, until the account's end.
func (w *walks) Next() (*Statement, error) {
	if w.cursor == exit.Done {
		return nil, nil
	}
	circuit, walk, err := exit.AssignAccount(w.state, w.account, w.cursor, w.sum, exit.Most)
	if err != nil {
		return nil, err
	}
	w.cursor, w.sum = walk.CursorAfter, walk.SumAfter
	return &Statement{ExitCircuit, circuit, map[string]any{
		"account": walk.Account, "owner": hexAddress(walk.Owner), "cursor_before": walk.CursorBefore, "cursor_after": walk.CursorAfter,
		"sum_before_micros": walk.SumBefore, "sum_after_micros": walk.SumAfter, "positions": walk.Positions,
		"end": walk.CursorAfter == exit.Done,
	}}, nil
}

func (j *SilenceJob) open() (Source, error) {
	state, err := j.Pages.open(j.Root)
	if err != nil {
		return nil, err
	}
	circuit, quiet, err := exit.AssignSilence(state.read(), j.Underlying)
	if err != nil {
		return nil, refuse("%v", err)
	}
	return &list{statements: []*Statement{{SilenceCircuit, circuit, map[string]any{
		"underlying": quiet.Underlying, "clock_ms": quiet.ClockMS, "tick_time_s": quiet.TickTimeS, "instrument": quiet.Instrument,
	}}}}, nil
}

// hexAddress is an owner as L1 writes addresses.
func hexAddress(owner *big.Int) string {
	return "0x" + hex.EncodeToString(owner.FillBytes(make([]byte, 20)))
}
