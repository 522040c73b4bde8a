package ceremony_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/internal/tiny"
	"miletus/circuits/keys"
	"miletus/circuits/keys/ceremony"
)

const (
	power       = 10
	firstBeacon = "0x00000000000000000001a2c4b6d8e0f11223344556677889"
	lastBeacon  = "0x0000000000000000000099887766554433221100ffeeddcc"
)

var parties = []string{"Thales", "Anaximander", "Anaximenes"}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func compile(t *testing.T, bits int) *keys.System {
	t.Helper()
	return must(keys.Compile(&keys.Circuit{Name: "tiny", New: tiny.New(bits)}))(t)
}

// run is a whole ceremony; each party opens the folder as it was handed on.
func run(t *testing.T, system *keys.System) (*ceremony.Ceremony, *keys.Keys) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ceremony")
	must(ceremony.Begin(folder, power))(t)
	open := func() *ceremony.Ceremony { return must(ceremony.Open(folder))(t) }
	for _, party := range parties {
		must(open().ContributePowers(party))(t)
	}
	if err := open().FinishPowers(firstBeacon); err != nil {
		t.Fatal(err)
	}
	if err := open().BeginCircuit(system); err != nil {
		t.Fatal(err)
	}
	for _, party := range parties {
		must(open().ContributeCircuit(system, party))(t)
	}
	made := must(open().FinishCircuit(system, lastBeacon))(t)
	return open(), made
}

// copyOf is the same ceremony in another folder.
func copyOf(t *testing.T, c *ceremony.Ceremony) *ceremony.Ceremony {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ceremony")
	if err := os.CopyFS(folder, os.DirFS(c.Folder)); err != nil {
		t.Fatal(err)
	}
	return must(ceremony.Open(folder))(t)
}

func prove(t *testing.T, system *keys.System, pair *keys.Keys, sum int) error {
	t.Helper()
	witness := must(frontend.NewWitness(&tiny.Circuit{Sum: 7, X: 3, Y: 4}, ecc.BN254.ScalarField()))(t)
	proof := must(groth16.Prove(system.Constraints, pair.Proving, witness, solidity.WithProverTargetSolidityVerifier(backend.GROTH16)))(t)
	public := must(frontend.NewWitness(&tiny.Circuit{Sum: sum}, ecc.BN254.ScalarField(), frontend.PublicOnly()))(t)
	return groth16.Verify(proof, pair.Verifying, public, solidity.WithVerifierTargetSolidityVerifier(backend.GROTH16))
}

func TestThreePartiesMakeKeys(t *testing.T) {
	system := compile(t, 8)
	c, made := run(t, system)
	if err := prove(t, system, made, 7); err != nil {
		t.Fatalf("the keys of the ceremony do not prove: %v", err)
	}
	if prove(t, system, made, 8) == nil {
		t.Fatal("the keys of the ceremony prove anything")
	}
	again := must(c.Verify(system))(t)
	first, second := must(keys.Export(system, made))(t), must(keys.Export(system, again))(t)
	if first.KeyHash != second.KeyHash || first.KeyHash != c.Transcript.Circuits["tiny"].KeyHash {
		t.Fatal("who checks the ceremony finds another key")
	}
	if made.Origin != again.Origin || !strings.HasPrefix(made.Origin, "ceremony ") {
		t.Fatalf("keys are said to be from %q, and from %q when checked", made.Origin, again.Origin)
	}
	store := &keys.Store{Folder: t.TempDir()}
	if err := store.Write(system, made); err != nil {
		t.Fatal(err)
	}
	kept := must(store.Setup(system))(t)
	if kept.Origin != made.Origin {
		t.Fatalf("a set-up made keys of its own: %s", kept.Origin)
	}
	if err := prove(t, system, kept, 7); err != nil {
		t.Fatalf("the keys of the ceremony do not prove when they are read again: %v", err)
	}
}

// cheat changes the contribution of a party in a phase and writes what a cheat would, with right checksums.
func cheat(t *testing.T, c *ceremony.Ceremony, contribution *ceremony.Contribution, kind, hash string, payload io.WriterTo) {
	t.Helper()
	header := &keys.Header{Kind: kind, CircuitHash: hash}
	if kind == "phase 2" {
		header.Circuit = "tiny"
	}
	err := keys.WriteFile(filepath.Join(c.Folder, contribution.File), header, func(to io.Writer) error {
		_, err := payload.WriteTo(to)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	contribution.SHA256 = header.PayloadHash
	saveTranscript(t, c)
}

func saveTranscript(t *testing.T, c *ceremony.Ceremony) {
	t.Helper()
	raw := must(json.Marshal(&c.Transcript))(t)
	if err := os.WriteFile(filepath.Join(c.Folder, "transcript.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *ceremony.Ceremony, contribution *ceremony.Contribution, into io.ReaderFrom) {
	t.Helper()
	must(keys.ReadFile(filepath.Join(c.Folder, contribution.File), func(*keys.Header) error { return nil }, func(from io.Reader) error {
		_, err := into.ReadFrom(from)
		return err
	}))(t)
}

func TestCheatsAreRefused(t *testing.T) {
	system := compile(t, 8)
	whole, _ := run(t, system)
	for name, attack := range map[string]struct {
		at     string // who is named
		change func(t *testing.T, c *ceremony.Ceremony)
	}{
		"powers from nothing": {"Anaximenes", func(t *testing.T, c *ceremony.Ceremony) {
			own := mpcsetup.NewPhase1(1 << power)
			own.Contribute()
			cheat(t, c, &c.Transcript.Phase1.Contributions[2], "powers of tau", "", own)
		}},
		"powers from nothing, in the place of what they must follow": {"Anaximenes", func(t *testing.T, c *ceremony.Ceremony) {
			own := mpcsetup.NewPhase1(1 << power)
			own.Contribute()
			own.Challenge = nil
			cheat(t, c, &c.Transcript.Phase1.Contributions[2], "powers of tau", "", own)
		}},
		"powers of another's": {"Anaximander", func(t *testing.T, c *ceremony.Ceremony) {
			list := c.Transcript.Phase1.Contributions
			list[1].File, list[1].SHA256 = list[0].File, list[0].SHA256
			saveTranscript(t, c)
		}},
		"a contribution dropped": {"Anaximenes", func(t *testing.T, c *ceremony.Ceremony) {
			list := &c.Transcript.Phase1.Contributions
			*list = append((*list)[:1], (*list)[2])
			saveTranscript(t, c)
		}},
		"parameters from nothing": {"Anaximenes", func(t *testing.T, c *ceremony.Ceremony) {
			var first, own mpcsetup.Phase2
			list := c.Transcript.Circuits["tiny"].Contributions
			read(t, c, &list[0], &first)
			read(t, c, &list[0], &own)
			own.Contribute()
			cheat(t, c, &list[2], "phase 2", system.Hash, &own)
		}},
		"one point of the quotient": {"Anaximander", func(t *testing.T, c *ceremony.Ceremony) {
			var own mpcsetup.Phase2
			list := c.Transcript.Circuits["tiny"].Contributions
			read(t, c, &list[1], &own)
			z := own.Parameters.G1.Z
			z[3].Add(&z[3], &z[3])
			cheat(t, c, &list[1], "phase 2", system.Hash, &own)
		}},
		"one point of the commitment's key": {"Anaximander", func(t *testing.T, c *ceremony.Ceremony) {
			var own mpcsetup.Phase2
			list := c.Transcript.Circuits["tiny"].Contributions
			read(t, c, &list[1], &own)
			basis := own.Parameters.G1.SigmaCKK[0]
			basis[0].Add(&basis[0], &basis[0])
			cheat(t, c, &list[1], "phase 2", system.Hash, &own)
		}},
		"fewer points": {"Anaximander", func(t *testing.T, c *ceremony.Ceremony) {
			var own mpcsetup.Phase2
			list := c.Transcript.Circuits["tiny"].Contributions
			read(t, c, &list[1], &own)
			own.Parameters.G1.SigmaCKK[0] = own.Parameters.G1.SigmaCKK[0][1:]
			cheat(t, c, &list[1], "phase 2", system.Hash, &own)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, whole)
			attack.change(t, c)
			_, err := must(ceremony.Open(c.Folder))(t).Verify(system)
			if !errors.Is(err, ceremony.ErrRefused) || !strings.Contains(err.Error(), attack.at) {
				t.Errorf("not refused as the contribution of %s: %v", attack.at, err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
}

func TestChangedResultsAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("another ceremony, checked five times")
	}
	system := compile(t, 8)
	whole, _ := run(t, system)
	for name, change := range map[string]func(t *testing.T, c *ceremony.Ceremony){
		"another beacon": func(t *testing.T, c *ceremony.Ceremony) {
			c.Transcript.Circuits["tiny"].Beacon = firstBeacon
			saveTranscript(t, c)
		},
		"another key": func(t *testing.T, c *ceremony.Ceremony) {
			c.Transcript.Circuits["tiny"].KeyHash = "0x00"
			saveTranscript(t, c)
		},
		"file cut": func(t *testing.T, c *ceremony.Ceremony) {
			path := filepath.Join(c.Folder, c.Transcript.Phase1.Contributions[1].File)
			if err := os.Truncate(path, 5000); err != nil {
				t.Fatal(err)
			}
		},
		"file outside": func(t *testing.T, c *ceremony.Ceremony) {
			c.Transcript.Phase1.Contributions[1].File = "../powers"
			saveTranscript(t, c)
		},
		"claim of many powers": func(t *testing.T, c *ceremony.Ceremony) {
			path := filepath.Join(c.Folder, c.Transcript.Phase1.Contributions[0].File)
			raw := must(os.ReadFile(path))(t)
			raw[1024+3*96] = 255
			header := &keys.Header{Kind: "powers of tau"}
			if err := keys.WriteFile(path, header, func(to io.Writer) error {
				_, err := to.Write(raw[1024:])
				return err
			}); err != nil {
				t.Fatal(err)
			}
			c.Transcript.Phase1.Contributions[0].SHA256 = header.PayloadHash
			saveTranscript(t, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, whole)
			change(t, c)
			if _, err := must(ceremony.Open(c.Folder))(t).Verify(system); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestStepsOutOfOrderAreRefused(t *testing.T) {
	system, large := compile(t, 8), must(keys.Compile(&keys.Circuit{Name: "large", New: func() frontend.Circuit {
		return &tiny.Circuit{Bits: 200, Rooms: 10}
	}}))(t)
	folder := t.TempDir()
	c := must(ceremony.Begin(folder, power))(t)
	refuse := func(name, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ceremony.Begin(folder, power)
	refuse("begun twice", "holds a ceremony already", err)
	_, err = ceremony.Begin(t.TempDir(), 40)
	refuse("too large", "give a power", err)
	_, err = ceremony.Open(t.TempDir())
	refuse("nothing there", "holds no ceremony", err)
	refuse("finished without a contribution", "nobody has contributed", c.FinishPowers(firstBeacon))
	refuse("circuit before the powers", "phase 1 has not ended", c.BeginCircuit(system))
	_, err = c.ContributePowers("two\nlines")
	refuse("a name of two lines", "one line", err)
	must(c.ContributePowers("Thales"))(t)
	refuse("no beacon", "give at least 16 bytes", c.FinishPowers("0x12"))
	if err := c.FinishPowers(firstBeacon); err != nil {
		t.Fatal(err)
	}
	_, err = c.ContributePowers("Anaximander")
	refuse("after the end", "has ended", err)
	refuse("another beacon", "ended with the beacon", c.FinishPowers(lastBeacon))
	refuse("too many constraints", "needs 2^", c.BeginCircuit(large))
	_, err = c.ContributeCircuit(system, "Thales")
	refuse("circuit that has not begun", "has not begun", err)
	if err := c.BeginCircuit(system); err != nil {
		t.Fatal(err)
	}
	refuse("circuit begun twice", "begun already", c.BeginCircuit(system))
	_, err = c.ContributeCircuit(compile(t, 9), "Thales")
	refuse("another circuit", "this ceremony is for tiny", err)
}
