package keys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/consensys/gnark/backend/groth16"
	groth "github.com/consensys/gnark/backend/groth16/bn254"
)

// Development is the origin of keys that one process made: who saw its memory can forge proofs.
const Development = "development"

// Keys are the pair of a circuit.
type Keys struct {
	Proving   *groth.ProvingKey // nil where only the verifying key was asked for
	Verifying *groth.VerifyingKey
	Origin    string // Development or the hash of a ceremony's transcript
}

// Store is a folder of compiled circuits and keys.
type Store struct {
	Folder string
	Say    func(line string) // told what takes time; may be nil
}

func (s *Store) say(format string, values ...any) {
	if s.Say != nil {
		s.Say(fmt.Sprintf(format, values...))
	}
}

// path of a file: NAME-HASH.ENDING, with the first 16 digits of a hash.
func (s *Store) path(name, hash, ending string) string {
	return filepath.Join(s.Folder, fmt.Sprintf("%s-%.16s.%s", name, hash, ending))
}

// ProvingPath is where the proving key of a system is kept, VerifyingPath the other one's place.
func (s *Store) ProvingPath(system *System) string { return s.path(system.Name, system.Hash, "pk") }

// VerifyingPath is where the verifying key of a system is kept.
func (s *Store) VerifyingPath(system *System) string { return s.path(system.Name, system.Hash, "vk") }

// Load reads both keys of a system.
func (s *Store) Load(system *System) (*Keys, error) {
	keys, hash, err := s.loadVerifying(system)
	if err != nil {
		return nil, err
	}
	keys.Proving, err = ReadProving(s.ProvingPath(system), system, hash)
	if errors.Is(err, ErrMissing) {
		return nil, s.explain(system, err)
	}
	return keys, err
}

// LoadVerifying reads the verifying key alone.
func (s *Store) LoadVerifying(system *System) (*Keys, error) {
	keys, _, err := s.loadVerifying(system)
	return keys, err
}

func (s *Store) loadVerifying(system *System) (*Keys, string, error) {
	verifying := new(groth.VerifyingKey)
	header, err := ReadFile(s.VerifyingPath(system), accept("verifying key", system, s.VerifyingPath(system)),
		func(from io.Reader) error {
			_, err := verifying.ReadFrom(from)
			return err
		})
	if errors.Is(err, ErrMissing) {
		return nil, "", s.explain(system, err)
	}
	if err != nil {
		return nil, "", err
	}
	return &Keys{Verifying: verifying, Origin: header.Origin}, header.PayloadHash, nil
}

// ReadProving reads a proving key from any path; `verifying` is the hash of the verifying key it was made with.
func ReadProving(path string, system *System, verifying string) (*groth.ProvingKey, error) {
	proving := new(groth.ProvingKey)
	_, err := ReadFile(path, func(h *Header) error {
		if err := accept("proving key", system, path)(h); err != nil {
			return err
		}
		if h.VerifyingKey != verifying {
			return fmt.Errorf("%w: %s and the verifying key beside it are from different set-ups: delete both and run `prover setup %s`",
				ErrOther, path, system.Name)
		}
		return nil
	}, proving.ReadDump)
	return proving, err
}

// accept refuses a file of another kind or circuit.
func accept(kind string, system *System, path string) func(*Header) error {
	return func(h *Header) error {
		if h.Kind != kind {
			return fmt.Errorf("%w: %s holds a %s, not a %s", ErrOther, path, h.Kind, kind)
		}
		if h.CircuitHash != system.Hash {
			return fmt.Errorf("%w: %s is a key of circuit %s %.16s, and this program's %s is %.16s: run `prover setup %s`",
				ErrOther, path, h.Circuit, h.CircuitHash, system.Name, system.Hash, system.Name)
		}
		return nil
	}
}

// explain tells of a missing key, and of keys that are there for another circuit of that name.
func (s *Store) explain(system *System, err error) error {
	others, _ := filepath.Glob(filepath.Join(s.Folder, system.Name+"-*.pk"))
	if len(others) == 0 {
		return fmt.Errorf("%w: run `prover setup %s`", err, system.Name)
	}
	return fmt.Errorf("%w: %s is of another circuit %s, and this program's is %.16s: run `prover setup %s`",
		err, strings.Join(others, ", "), system.Name, system.Hash, system.Name)
}

// Setup gives the keys of a system: those that are kept, or new ones that this process makes alone.
func (s *Store) Setup(system *System) (*Keys, error) {
	unlock, err := s.lock(system.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	keys, err := s.Load(system)
	if err == nil || !errors.Is(err, ErrMissing) {
		return keys, err
	}
	s.say("making development keys of %s, %d constraints", system.Name, system.Constraints.GetNbConstraints())
	proving, verifying, err := groth16.Setup(system.Constraints)
	if err != nil {
		return nil, fmt.Errorf("keys: set-up of %s: %w", system.Name, err)
	}
	keys = &Keys{proving.(*groth.ProvingKey), verifying.(*groth.VerifyingKey), Development}
	return keys, s.Write(system, keys)
}

// Write keeps a pair of keys. The proving key names the verifying key that it belongs to, and is written last.
func (s *Store) Write(system *System, keys *Keys) error {
	header := Header{Kind: "verifying key", Circuit: system.Name, CircuitHash: system.Hash, Origin: keys.Origin}
	err := WriteFile(s.VerifyingPath(system), &header, func(to io.Writer) error {
		_, err := keys.Verifying.WriteRawTo(to)
		return err
	})
	if err != nil {
		return err
	}
	header.Kind, header.VerifyingKey = "proving key", header.PayloadHash
	return WriteFile(s.ProvingPath(system), &header, keys.Proving.WriteDump)
}

// lock keeps two processes from making the keys of one circuit at the same time.
func (s *Store) lock(name string) (unlock func(), err error) {
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(s.Folder, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("keys: %s can't be locked: %w", file.Name(), err)
	}
	return func() { file.Close() }, nil
}
