package prover

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/keys"
)

// Prover has the circuits and keys that were needed so far.
type Prover struct {
	Circuits Circuits
	Store    *keys.Store
	// Setup makes development keys where there are none.
	Setup bool
	// Available tells how much memory is left; nil for what the machine says.
	Available func() int64
	// LimitBytes is the most memory that it may take, 0 for all that is left.
	LimitBytes int64

	mutex  sync.Mutex
	loaded map[string]*ready
}

// ready is a circuit that can be proved.
type ready struct {
	once    sync.Once
	system  *keys.System
	keys    *keys.Keys
	keyHash string
	err     error
}

func (p *Prover) available() int64 {
	left := AvailableBytes
	if p.Available != nil {
		left = p.Available
	}
	if p.LimitBytes > 0 {
		return min(p.LimitBytes, left())
	}
	return left()
}

// get loads a circuit and its keys, once.
func (p *Prover) get(name string) (*ready, error) {
	p.mutex.Lock()
	if p.loaded == nil {
		p.loaded = map[string]*ready{}
	}
	r := p.loaded[name]
	if r == nil {
		r = &ready{}
		p.loaded[name] = r
	}
	p.mutex.Unlock()
	r.once.Do(func() { r.err = p.load(r, name) })
	if r.err != nil {
		// another time the key may be there, or the memory
		p.mutex.Lock()
		delete(p.loaded, name)
		p.mutex.Unlock()
	}
	return r, r.err
}

func (p *Prover) load(r *ready, name string) error {
	circuit, err := p.Circuits.Find(name)
	if err != nil {
		return err
	}
	// reading what would not fit is too late for a clear word
	if err := checkMemory(name, p.Store.KeptBytes(name)/fileBytes, p.available()); err != nil {
		return err
	}
	if r.system, err = p.Store.System(circuit); err != nil {
		return err
	}
	if err := checkMemory(name, int64(r.system.Constraints.GetNbConstraints()), p.available()); err != nil {
		return err
	}
	if p.Setup {
		r.keys, err = p.Store.Setup(r.system)
	} else {
		r.keys, err = p.Store.Load(r.system)
	}
	if err != nil {
		return err
	}
	exported, err := keys.Export(r.system, r.keys)
	if err != nil {
		return err
	}
	r.keyHash = exported.KeyHash
	return nil
}

// Prove proves one statement, and checks the proof before it gives it.
func (p *Prover) Prove(s *Statement) (*Proof, error) {
	r, err := p.get(s.Circuit)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	witness, err := frontend.NewWitness(s.Assignment, fr.Modulus())
	if err != nil {
		return nil, fmt.Errorf("prover: %s: %w", s.Circuit, err)
	}
	assigned := time.Now()
	proof, err := groth16.Prove(r.system.Constraints, r.keys.Proving, witness, solidity.WithProverTargetSolidityVerifier(backend.GROTH16))
	if err != nil {
		return nil, fmt.Errorf("prover: circuit %s refuses its witness, which is a fault of this program: %w", s.Circuit, err)
	}
	public, err := witness.Public()
	if err != nil {
		return nil, err
	}
	if err := check(proof, r.keys.Verifying, public); err != nil {
		return nil, fmt.Errorf("prover: the keys of %s don't belong together: %w", s.Circuit, err)
	}
	words, err := encodePublic(public)
	if err != nil {
		return nil, err
	}
	return &Proof{
		Circuit: s.Circuit, CircuitHash: r.system.Hash, KeyHash: r.keyHash,
		PublicInputs: words, Proof: encodeProof(proof), About: s.About,
		SolveSeconds: assigned.Sub(start).Seconds(), ProveSeconds: time.Since(assigned).Seconds(),
	}, nil
}

// SideBySide is how many proofs of a circuit are worth making at once: a proof keeps about four cores busy, and each
// takes its memory.
func (p *Prover) SideBySide(name string) (int, error) {
	r, err := p.get(name)
	if err != nil {
		return 0, err
	}
	one := NeededBytes(r.system, 1) - NeededBytes(r.system, 0)
	byMemory := p.available() / one
	byCores := int64(runtime.GOMAXPROCS(0) / 4)
	return int(max(1, min(byMemory, byCores))), nil
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
