package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/debug"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
)

// Circuit is something that can be proved.
type Circuit struct {
	Name string
	New  func() frontend.Circuit // an empty one, to be compiled or assigned
}

// System is a compiled circuit.
type System struct {
	Name        string
	Hash        string // hexadecimal sha256 of the constraints
	Constraints *cs.R1CS
}

// Public is the number of public inputs.
func (s *System) Public() int { return s.Constraints.GetNbPublicVariables() - 1 }

// Compile makes the constraints of a circuit. Mistakes of a circuit panic while it is defined; they are errors here.
func Compile(circuit *Circuit) (system *System, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("keys: circuit %s: %v", circuit.Name, caught)
		}
	}()
	compiled, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, circuit.New())
	if err != nil {
		return nil, fmt.Errorf("keys: circuit %s: %w", circuit.Name, err)
	}
	constraints := compiled.(*cs.R1CS)
	if err := checkCommitment(circuit.Name, constraints); err != nil {
		return nil, err
	}
	if at, tied := findUntied(constraints); !tied {
		return nil, fmt.Errorf("keys: circuit %s: public input %d is in no constraint, so a proof would hold for any value of it", circuit.Name, at)
	}
	strip(constraints)
	sum := sha256.New()
	if _, err := constraints.WriteTo(sum); err != nil {
		return nil, err
	}
	return &System{circuit.Name, hex.EncodeToString(sum.Sum(nil)), constraints}, nil
}

// checkCommitment holds what the verifier on L1 takes for granted.
func checkCommitment(name string, constraints *cs.R1CS) error {
	commitments := constraints.CommitmentInfo.(constraint.Groth16Commitments)
	if len(commitments) != 1 {
		return fmt.Errorf("keys: circuit %s has %d commitments: the verifier on L1 takes one", name, len(commitments))
	}
	if public := commitments[0].PublicAndCommitmentCommitted; len(public) != 0 {
		for i := range public {
			public[i]-- // the constant one comes first
		}
		return fmt.Errorf("keys: circuit %s commits to the public inputs %v: the verifier on L1 takes none, so settle them first", name, public)
	}
	return nil
}

// findUntied looks for a public input that no constraint has: its place in the verifying key would be empty.
func findUntied(constraints *cs.R1CS) (at int, tied bool) {
	seen := make([]bool, constraints.GetNbPublicVariables())
	seen[0] = true // the constant one
	each := constraints.GetR1CIterator()
	for c := each.Next(); c != nil; c = each.Next() {
		for _, side := range []constraint.LinearExpression{c.L, c.R, c.O} {
			for _, term := range side {
				if wire := term.WireID(); wire < len(seen) {
					seen[wire] = true
				}
			}
		}
	}
	at = slices.Index(seen, false)
	return at - 1, at < 0
}

// strip takes away what only tells where in the sources a constraint is from: line numbers must not change a hash.
func strip(constraints *cs.R1CS) {
	constraints.SymbolTable = debug.NewSymbolTable()
	constraints.DebugInfo = nil
	constraints.MDebug = map[int]int{}
}

// source is the hash of the sources that circuits are made of, given by the build.
var source string

// Source names the circuits' sources: what was compiled from the same ones need not be compiled again. A build that
// was not told takes the program itself, which changes more often.
var Source = sync.OnceValue(func() string {
	if source != "" {
		return source
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
})

// System gives a circuit's constraints: those that were kept, if they are from the sources of this program, or new
// ones, which are kept. A file that is damaged or can't be written costs time and nothing else.
func (s *Store) System(circuit *Circuit) (*System, error) {
	path := s.path(circuit.Name, Source(), "cs")
	if kept, err := readSystem(path, circuit.Name); err == nil {
		return kept, nil
	}
	s.say("compiling %s", circuit.Name)
	system, err := Compile(circuit)
	if err != nil || Source() == "" {
		return system, err
	}
	header := &Header{Kind: "system", Circuit: system.Name, CircuitHash: system.Hash, Source: Source()}
	err = WriteFile(path, header, func(to io.Writer) error {
		_, err := system.Constraints.WriteTo(to)
		return err
	})
	if err != nil {
		s.say("%s can't be kept: %v", circuit.Name, err)
	}
	return system, nil
}

// KeptBytes is the size of a circuit's constraints as they are kept, 0 if they are not.
func (s *Store) KeptBytes(name string) int64 {
	header, err := ReadHeader(s.path(name, Source(), "cs"))
	if err != nil {
		return 0
	}
	return header.PayloadBytes
}

func readSystem(path, name string) (*System, error) {
	constraints := new(cs.R1CS)
	header, err := ReadFile(path, func(h *Header) error {
		if h.Kind != "system" || h.Circuit != name || h.Source != Source() || h.Source == "" {
			return ErrOther
		}
		return nil
	}, func(from io.Reader) error {
		_, err := constraints.ReadFrom(from)
		return err
	})
	if err != nil {
		return nil, err
	}
	if header.PayloadHash != header.CircuitHash {
		return nil, errors.New("keys: a system that is not that of its header")
	}
	return &System{name, header.CircuitHash, constraints}, nil
}
