package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"

	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// proving are the flags of commands that prove.
type proving struct {
	setup      bool
	sideBySide int
	memoryMiB  int64
}

func (e *environment) parseProving(arguments []string) (rest []string, p proving, err error) {
	flags := newFlags()
	flags.BoolVar(&p.setup, "setup", false, "")
	flags.IntVar(&p.sideBySide, "side-by-side", 0, "")
	flags.Int64Var(&p.memoryMiB, "memory", 0, "")
	if flags.Parse(arguments) != nil || p.sideBySide < 0 || p.memoryMiB < 0 {
		return nil, p, errUsage
	}
	e.prover.Setup, e.prover.LimitBytes = p.setup, p.memoryMiB<<20
	return flags.Args(), p, nil
}

// prove prints each proof as soon as all before it are printed.
func prove(e *environment, arguments []string) error {
	rest, flags, err := e.parseProving(arguments)
	if err != nil || len(rest) != 1 {
		return errUsage
	}
	raw, err := e.read(rest[0])
	if err != nil {
		return err
	}
	source, err := prover.Open(raw)
	if err != nil {
		return err
	}
	proofs, err := e.prover.Run(e.ctx, source, flags.sideBySide, func(event prover.Event) {
		if event.Kind == "proved" {
			e.say(fmt.Sprintf("proved %d%s, %s, %.1f s, peak %d MiB", event.Index+1, of(event.Total), event.Circuit, event.Seconds, event.PeakBytes>>20))
		}
	})
	if err != nil {
		return err
	}
	for _, proof := range proofs {
		if err := e.print(proof); err != nil {
			return err
		}
	}
	return nil
}

func of(total int) string {
	if total == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d", total)
}

// verdict is what `verify` says of a proof.
type verdict struct {
	Circuit string `json:"circuit"`
	Holds   bool   `json:"holds"`
	Problem string `json:"problem,omitempty"`
}

func verify(e *environment, arguments []string) error {
	if len(arguments) != 1 {
		return errUsage
	}
	raw, err := e.read(arguments[0])
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, maxLineBytes)
	count, failed := 0, 0
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		count++
		verdict := e.judge(lines.Bytes())
		if !verdict.Holds {
			failed++
		}
		if err := e.print(verdict); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if count == 0 || failed > 0 {
		return fmt.Errorf("prover: %d of %d proofs do not hold", failed, count)
	}
	return nil
}

// judge checks one proof.
func (e *environment) judge(raw []byte) *verdict {
	proof := new(prover.Proof)
	err := json.Unmarshal(raw, proof)
	if err == nil {
		err = e.check(proof)
	}
	if err != nil {
		return &verdict{Circuit: proof.Circuit, Problem: oneLine(err)}
	}
	return &verdict{Circuit: proof.Circuit, Holds: true}
}

func (e *environment) check(proof *prover.Proof) error {
	system, err := e.system(proof.Circuit)
	if err != nil {
		return err
	}
	if proof.CircuitHash != "" && proof.CircuitHash != system.Hash {
		return fmt.Errorf("%w: the proof is of %s %.16s, and this program's is %.16s", keys.ErrOther, proof.Circuit, proof.CircuitHash, system.Hash)
	}
	pair, err := e.prover.Store.LoadVerifying(system)
	if err != nil {
		return err
	}
	return prover.Verify(proof, system, pair)
}
