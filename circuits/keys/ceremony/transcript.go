// Package ceremony makes the keys of a circuit by many parties: nobody can forge proofs unless all of them kept what
// they should have forgotten. Phase 1, the powers of tau, serves every circuit; phase 2 is a circuit's own. The
// arithmetic is gnark's mpcsetup; files, order and transcript are kept here.
//
// A ceremony is a folder that goes from hand to hand: a transcript and a file a contribution. A contributor needs
// nothing else, and who comes later can check everything again from it.
package ceremony

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrRefused says that something in a ceremony does not hold; what wraps it tells whose contribution.
var ErrRefused = errors.New("ceremony: refused")

const (
	transcriptName = "transcript.json"
	// leastPower and mostPower bound the number of constraints, 2^power, that phase 1 serves.
	leastPower, mostPower = 4, 26
	leastBeaconBytes      = 16
)

// Contribution is one party's part in a phase.
type Contribution struct {
	By     string `json:"by"`
	File   string `json:"file"`
	SHA256 string `json:"sha256"` // of the file's payload; this is what a contributor publishes
}

// Phase is a row of contributions and the public random value that ends it.
type Phase struct {
	Contributions []Contribution `json:"contributions"`
	Beacon        string         `json:"beacon,omitempty"` // hexadecimal; nobody knew it when the last one contributed
}

// CircuitPhase is phase 2 of a circuit.
type CircuitPhase struct {
	Phase
	CircuitHash string `json:"circuit_hash"`
	KeyHash     string `json:"key_hash,omitempty"` // keccak256 of the verifying key, as L1 has it
}

// Transcript is everything that happened.
type Transcript struct {
	Power    int                      `json:"power"` // phase 1 serves circuits of at most 2^power constraints
	Phase1   Phase                    `json:"phase1"`
	Circuits map[string]*CircuitPhase `json:"circuits"`
}

// Origin names the keys of a circuit by what they were made of.
func (t *Transcript) Origin(circuit string) (string, error) {
	raw, err := json.Marshal(struct {
		Power   int
		Phase1  Phase
		Circuit *CircuitPhase
	}{t.Power, t.Phase1, t.Circuits[circuit]})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return "ceremony " + hex.EncodeToString(sum[:]), nil
}

// Ceremony is a folder with a transcript.
type Ceremony struct {
	Folder     string
	Transcript Transcript
	Say        func(line string) // told what takes time; may be nil
}

// Begin makes an empty ceremony for circuits of at most 2^power constraints.
func Begin(folder string, power int) (*Ceremony, error) {
	if power < leastPower || power > mostPower {
		return nil, fmt.Errorf("ceremony: 2^%d constraints: give a power from %d to %d", power, leastPower, mostPower)
	}
	if _, err := os.Stat(filepath.Join(folder, transcriptName)); err == nil {
		return nil, fmt.Errorf("ceremony: %s holds a ceremony already: give another folder", folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	c := &Ceremony{Folder: folder, Transcript: Transcript{Power: power, Circuits: map[string]*CircuitPhase{}}}
	return c, c.save()
}

// Open reads a ceremony.
func Open(folder string) (*Ceremony, error) {
	raw, err := os.ReadFile(filepath.Join(folder, transcriptName))
	if err != nil {
		return nil, fmt.Errorf("ceremony: %s holds no ceremony (%w): run `prover ceremony begin`", folder, err)
	}
	c := &Ceremony{Folder: folder}
	if err := json.Unmarshal(raw, &c.Transcript); err != nil {
		return nil, fmt.Errorf("%w: the transcript in %s can't be read: %w", ErrRefused, folder, err)
	}
	if t := &c.Transcript; t.Power < leastPower || t.Power > mostPower || t.Circuits == nil {
		return nil, fmt.Errorf("%w: the transcript in %s is of 2^%d constraints, or names no circuits", ErrRefused, folder, t.Power)
	}
	return c, nil
}

func (c *Ceremony) save() error {
	raw, err := json.MarshalIndent(&c.Transcript, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.Folder, transcriptName)
	if err := os.WriteFile(path+".part", append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func (c *Ceremony) say(format string, values ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, values...))
	}
}

// path of a contribution: a name of this folder, never of another one.
func (c *Ceremony) path(contribution *Contribution) (string, error) {
	if contribution.File != filepath.Base(contribution.File) || strings.HasPrefix(contribution.File, ".") {
		return "", fmt.Errorf("%w: the transcript names the file %q: a ceremony's files lie in its folder", ErrRefused, contribution.File)
	}
	return filepath.Join(c.Folder, contribution.File), nil
}

// end takes the beacon of a phase.
func (p *Phase) end(beacon string) error {
	if p.Beacon != "" && p.Beacon != beacon {
		return fmt.Errorf("ceremony: this phase ended with the beacon %s already", p.Beacon)
	}
	if len(p.Contributions) == 0 {
		return errors.New("ceremony: nobody has contributed yet, so anybody could forge proofs")
	}
	if _, err := decodeBeacon(beacon); err != nil {
		return err
	}
	p.Beacon = beacon
	return nil
}

func decodeBeacon(beacon string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(beacon, "0x"))
	if err != nil || len(raw) < leastBeaconBytes {
		return nil, fmt.Errorf("ceremony: the beacon %q: give at least %d bytes in hexadecimal, such as a block's hash", beacon, leastBeaconBytes)
	}
	return raw, nil
}

// checkName holds names to what a person or a machine is called, one line.
func checkName(by string) error {
	if by == "" || len(by) > 100 || strings.ContainsAny(by, "\n\r\t") {
		return fmt.Errorf("ceremony: the name %q: give one of 1 to 100 characters in one line", by)
	}
	return nil
}
