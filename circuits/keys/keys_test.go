package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/tiny"
	"miletus/circuits/keys"
)

var eight = keys.Circuit{Name: "eight", New: tiny.New(8)}

func compile(t *testing.T, circuit *keys.Circuit) *keys.System {
	t.Helper()
	system, err := keys.Compile(circuit)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

// prove makes a proof of 3 + 4 = 7 and tells if the verifying key takes it.
func prove(t *testing.T, system *keys.System, pair *keys.Keys) error {
	t.Helper()
	witness, err := frontend.NewWitness(&tiny.Circuit{Sum: 7, X: 3, Y: 4}, ecc.BN254.ScalarField())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := groth16.Prove(system.Constraints, pair.Proving, witness, solidity.WithProverTargetSolidityVerifier(backend.GROTH16))
	if err != nil {
		t.Fatal(err)
	}
	public, err := witness.Public()
	if err != nil {
		t.Fatal(err)
	}
	return groth16.Verify(proof, pair.Verifying, public, solidity.WithVerifierTargetSolidityVerifier(backend.GROTH16))
}

func TestKeysAreMadeOnceAndProveWhenReadAgain(t *testing.T) {
	var said []string
	store := &keys.Store{Folder: t.TempDir(), Say: func(line string) { said = append(said, line) }}
	system := compile(t, &eight)
	made, err := store.Setup(system)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Setup(system)
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 {
		t.Fatalf("keys were made %d times: %v", len(said), said)
	}
	if again.Origin != keys.Development {
		t.Fatalf("keys that one process made are said to be from %q", again.Origin)
	}
	if err := prove(t, system, again); err != nil {
		t.Fatal(err)
	}
	first, second := export(t, system, made), export(t, system, again)
	if first.KeyHash != second.KeyHash {
		t.Fatal("the key that was read has another hash than the one that was written")
	}
}

func TestTwoProcessesMakeOneKey(t *testing.T) {
	folder, system := t.TempDir(), compile(t, &eight)
	var group sync.WaitGroup
	hashes := make([]string, 4)
	for i := range hashes {
		group.Go(func() {
			made, err := (&keys.Store{Folder: folder}).Setup(system)
			if err != nil {
				t.Error(err)
				return
			}
			exported, err := keys.Export(system, made)
			if err != nil {
				t.Error(err)
				return
			}
			hashes[i] = exported.KeyHash
		})
	}
	group.Wait()
	for _, hash := range hashes {
		if hash != hashes[0] || hash == "" {
			t.Fatalf("different keys were made: %v", hashes)
		}
	}
}

func export(t *testing.T, system *keys.System, pair *keys.Keys) *keys.Exported {
	t.Helper()
	exported, err := keys.Export(system, pair)
	if err != nil {
		t.Fatal(err)
	}
	return exported
}

func TestDamagedKeysAreRefused(t *testing.T) {
	store, system := &keys.Store{Folder: t.TempDir()}, compile(t, &eight)
	if _, err := store.Setup(system); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{store.ProvingPath(system), store.VerifyingPath(system)} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damage := map[string][]byte{
			"empty":               {},
			"cut in its header":   whole[:500],
			"cut in its contents": whole[:len(whole)-1],
			"longer":              append(bytes.Clone(whole), 0),
			"no header at all":    bytes.Repeat([]byte("x"), len(whole)),
			"a bit of the header": flip(whole, 40),
		}
		for _, at := range []int{1024, 1024 + (len(whole)-1024)/2, len(whole) - 1} {
			damage["a bit of the contents"] = flip(whole, at)
			for name, raw := range damage {
				if err := os.WriteFile(path, raw, 0o644); err != nil {
					t.Fatal(err)
				}
				_, err := store.Load(system)
				if !errors.Is(err, keys.ErrDamaged) {
					t.Errorf("%s: %s: %v", filepath.Base(path), name, err)
				} else if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %s: not one line that names the file: %v", filepath.Base(path), name, err)
				}
				if _, err := store.Setup(system); err == nil {
					t.Errorf("%s: %s: a set-up takes it, or writes over it unasked", filepath.Base(path), name)
				}
			}
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Load(system); err != nil {
			t.Fatal(err)
		}
	}
}

func flip(raw []byte, at int) []byte {
	changed := bytes.Clone(raw)
	changed[at] ^= 1
	return changed
}

func TestKeysOfAnotherCircuitAreRefused(t *testing.T) {
	store := &keys.Store{Folder: t.TempDir()}
	system, other := compile(t, &eight), compile(t, &keys.Circuit{Name: "eight", New: tiny.New(9)})
	if system.Hash == other.Hash {
		t.Fatal("two circuits have one hash")
	}
	if _, err := store.Setup(system); err != nil {
		t.Fatal(err)
	}
	_, err := store.Load(other)
	if !errors.Is(err, keys.ErrMissing) || !strings.Contains(err.Error(), "another circuit") || !strings.Contains(err.Error(), "prover setup eight") {
		t.Errorf("the circuit has changed: %v", err)
	}
	move(t, store.VerifyingPath(system), store.VerifyingPath(other))
	if _, err := store.Load(other); !errors.Is(err, keys.ErrOther) || !strings.Contains(err.Error(), "is a key of circuit eight") {
		t.Errorf("a verifying key under another name: %v", err)
	}
	if _, err := keys.ReadProving(store.ProvingPath(system), other, ""); !errors.Is(err, keys.ErrOther) {
		t.Errorf("a proving key of another circuit: %v", err)
	}
	if _, err := keys.ReadProving(store.VerifyingPath(other), system, ""); !errors.Is(err, keys.ErrOther) {
		t.Errorf("a verifying key in the place of a proving key: %v", err)
	}
}

func TestKeysOfTwoSetupsAreNotMixed(t *testing.T) {
	first, second, system := &keys.Store{Folder: t.TempDir()}, &keys.Store{Folder: t.TempDir()}, compile(t, &eight)
	for _, store := range []*keys.Store{first, second} {
		if _, err := store.Setup(system); err != nil {
			t.Fatal(err)
		}
	}
	move(t, first.VerifyingPath(system), second.VerifyingPath(system))
	if _, err := second.Load(system); !errors.Is(err, keys.ErrOther) || !strings.Contains(err.Error(), "different set-ups") {
		t.Error(err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestSystemsAreCompiledOnce(t *testing.T) {
	var said []string
	store := &keys.Store{Folder: t.TempDir(), Say: func(line string) { said = append(said, line) }}
	first, err := store.System(&eight)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.System(&eight)
	if err != nil {
		t.Fatal(err)
	}
	if first.Hash != second.Hash || first.Public() != 1 || second.Public() != 1 {
		t.Fatalf("%s has %d public inputs, %s has %d", first.Hash, first.Public(), second.Hash, second.Public())
	}
	if len(said) != 1 {
		t.Fatalf("compiled %d times: %v", len(said), said)
	}
	pair, err := store.Setup(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(t, second, pair); err != nil {
		t.Fatalf("a system that was kept does not prove: %v", err)
	}
	kept, err := filepath.Glob(filepath.Join(store.Folder, "*.cs"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	if err := os.WriteFile(kept[0], []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	third, err := store.System(&eight)
	if err != nil || third.Hash != first.Hash {
		t.Fatalf("a damaged system was not compiled anew: %v", err)
	}
}

type mistaken struct{ tiny.Circuit }

func (m *mistaken) Define(api frontend.API) error { panic("a mistake") }

type bare struct {
	X frontend.Variable `gnark:",public"`
}

func (b *bare) Define(api frontend.API) error {
	api.AssertIsEqual(api.Mul(b.X, b.X), b.X)
	return nil
}

// untied has a public input that is multiplied by zero, which gnark leaves out.
type untied struct {
	tiny.Circuit
	Payee frontend.Variable `gnark:",public"`
}

func (u *untied) Define(api frontend.API) error {
	api.AssertIsEqual(api.Mul(u.Payee, 0), 0)
	return u.Circuit.Define(api)
}

// exposed pushes its public input as it is.
type exposed struct{ tiny.Circuit }

func (e *exposed) Define(api frontend.API) error {
	bus.CheckRange(bus.New(api, 4), e.Sum, 4)
	return nil
}

func TestCircuitsThatCantBeProvedAreRefused(t *testing.T) {
	for want, circuit := range map[string]func() frontend.Circuit{
		"a mistake":                        func() frontend.Circuit { return &mistaken{} },
		"0 commitments":                    func() frontend.Circuit { return &bare{} },
		"commits to the public inputs [0]": func() frontend.Circuit { return &exposed{} },
		"public input 1 is in no constraint": func() frontend.Circuit {
			return &untied{Circuit: tiny.Circuit{Bits: 8}}
		},
	} {
		_, err := keys.Compile(&keys.Circuit{Name: "wrong", New: circuit})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestExportedKeyHasWhatL1Takes(t *testing.T) {
	store, system := &keys.Store{Folder: t.TempDir()}, compile(t, &eight)
	pair, err := store.Setup(system)
	if err != nil {
		t.Fatal(err)
	}
	e := export(t, system, pair)
	if e.PublicInputs != 1 || len(e.K) != 3 || len(e.Alpha) != 2 || len(e.BetaNegated) != 4 || e.Constraints < 10 {
		t.Fatalf("%+v", e)
	}
	var kept map[string]any
	raw, err := json.Marshal(e)
	if err != nil || json.Unmarshal(raw, &kept) != nil || kept["key_hash"] != e.KeyHash {
		t.Fatal(err, kept)
	}
	another, err := (&keys.Store{Folder: t.TempDir()}).Setup(system)
	if err != nil {
		t.Fatal(err)
	}
	if export(t, system, another).KeyHash == e.KeyHash {
		t.Fatal("two set-ups gave one key")
	}
}
