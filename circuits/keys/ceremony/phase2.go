package ceremony

import (
	"fmt"
	"io"
	"math/bits"

	groth "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"miletus/circuits/keys"
)

const circuitKind = "phase 2"

// BeginCircuit starts phase 2 of a circuit.
func (c *Ceremony) BeginCircuit(system *keys.System) error {
	t := &c.Transcript
	if t.Phase1.Beacon == "" {
		return fmt.Errorf("ceremony: phase 1 has not ended: run `prover ceremony finish-powers`")
	}
	if old := t.Circuits[system.Name]; old != nil {
		return fmt.Errorf("ceremony: phase 2 of %s has begun already, for circuit %.16s", system.Name, old.CircuitHash)
	}
	if power := powerOf(system); power > t.Power {
		return fmt.Errorf("ceremony: %s has %d constraints and needs 2^%d powers: phase 1 has 2^%d",
			system.Name, system.Constraints.GetNbConstraints(), power, t.Power)
	}
	t.Circuits[system.Name] = &CircuitPhase{CircuitHash: system.Hash}
	return c.save()
}

// powerOf is the size of a circuit's domain.
func powerOf(system *keys.System) int {
	return bits.Len(uint(system.Constraints.GetNbConstraints() - 1))
}

func (c *Ceremony) circuit(system *keys.System) (*CircuitPhase, error) {
	phase := c.Transcript.Circuits[system.Name]
	if phase == nil {
		return nil, fmt.Errorf("ceremony: phase 2 of %s has not begun: run `prover ceremony begin-circuit`", system.Name)
	}
	if phase.CircuitHash != system.Hash {
		return nil, fmt.Errorf("%w: this ceremony is for %s %.16s, and this program's is %.16s",
			ErrRefused, system.Name, phase.CircuitHash, system.Hash)
	}
	return phase, nil
}

// ContributeCircuit adds a party's randomness to phase 2 of a circuit. It is forgotten when this returns.
func (c *Ceremony) ContributeCircuit(system *keys.System, by string) (*Contribution, error) {
	if err := checkName(by); err != nil {
		return nil, err
	}
	phase, err := c.circuit(system)
	if err != nil {
		return nil, err
	}
	if phase.Beacon != "" {
		return nil, fmt.Errorf("ceremony: phase 2 of %s has ended", system.Name)
	}
	parameters := new(mpcsetup.Phase2)
	if last := len(phase.Contributions) - 1; last >= 0 {
		parameters, err = c.readParameters(&phase.Contributions[last])
	} else {
		_, _, err = c.initialise(system, parameters)
	}
	if err != nil {
		return nil, err
	}
	c.say("contributing to %s", system.Name)
	parameters.Contribute()
	contribution := Contribution{By: by, File: fmt.Sprintf("%s-%03d", system.Name, len(phase.Contributions)+1)}
	header := &keys.Header{Kind: circuitKind, Circuit: system.Name, CircuitHash: system.Hash}
	return c.add(&phase.Phase, contribution, header, parameters)
}

// initialise computes what phase 2 begins with. Everybody gets the same from phase 1 and the circuit.
func (c *Ceremony) initialise(system *keys.System, parameters *mpcsetup.Phase2) (*mpcsetup.SrsCommons, *mpcsetup.Phase2Evaluations, error) {
	commons, err := c.sealPowers()
	if err != nil {
		return nil, nil, err
	}
	truncate(commons, 1<<powerOf(system))
	c.say("phase 2 of %s: %d constraints on 2^%d powers", system.Name, system.Constraints.GetNbConstraints(), powerOf(system))
	evaluations := parameters.Initialize(system.Constraints, commons)
	return commons, &evaluations, nil
}

// truncate leaves the first powers, which are those of a smaller phase 1, so that a small circuit's proofs need no
// larger transforms than its own.
func truncate(commons *mpcsetup.SrsCommons, size int) {
	commons.G1.Tau, commons.G2.Tau = commons.G1.Tau[:2*size-1], commons.G2.Tau[:size]
	commons.G1.AlphaTau, commons.G1.BetaTau = commons.G1.AlphaTau[:size], commons.G1.BetaTau[:size]
}

func (c *Ceremony) readParameters(contribution *Contribution) (*mpcsetup.Phase2, error) {
	parameters := new(mpcsetup.Phase2)
	err := c.read(contribution, circuitKind, func(from io.Reader) error {
		_, err := parameters.ReadFrom(from)
		return err
	})
	return parameters, err
}

// FinishCircuit ends phase 2 with a beacon, after checking every contribution of both phases, and gives the keys.
func (c *Ceremony) FinishCircuit(system *keys.System, beacon string) (*keys.Keys, error) {
	phase, err := c.circuit(system)
	if err != nil {
		return nil, err
	}
	if err := phase.end(beacon); err != nil {
		return nil, err
	}
	made, hash, err := c.compute(system, phase)
	if err != nil {
		return nil, err
	}
	phase.KeyHash = hash
	if made.Origin, err = c.Transcript.Origin(system.Name); err != nil {
		return nil, err
	}
	return made, c.save()
}

// Verify checks both phases again and that they end with the key that the transcript names. It gives the keys, so
// that a verifying key from anywhere can be compared.
func (c *Ceremony) Verify(system *keys.System) (*keys.Keys, error) {
	phase, err := c.circuit(system)
	if err != nil {
		return nil, err
	}
	made, hash, err := c.compute(system, phase)
	if err != nil {
		return nil, err
	}
	if phase.KeyHash != hash {
		return nil, fmt.Errorf("%w: the contributions to %s make the key %s, and the transcript names %q",
			ErrRefused, system.Name, hash, phase.KeyHash)
	}
	made.Origin, err = c.Transcript.Origin(system.Name)
	return made, err
}

// compute checks every contribution and seals phase 2.
func (c *Ceremony) compute(system *keys.System, phase *CircuitPhase) (*keys.Keys, string, error) {
	beacon, err := decodeBeacon(phase.Beacon)
	if err != nil {
		return nil, "", fmt.Errorf("ceremony: phase 2 of %s has not ended: %w", system.Name, err)
	}
	parameters := new(mpcsetup.Phase2)
	commons, evaluations, err := c.initialise(system, parameters)
	if err != nil {
		return nil, "", err
	}
	for i := range phase.Contributions {
		contribution := &phase.Contributions[i]
		c.say("checking the contribution of %s", contribution.By)
		next, err := c.readParameters(contribution)
		if err != nil {
			return nil, "", err
		}
		if err := verify(func() error { return parameters.Verify(next) }); err != nil {
			return nil, "", fmt.Errorf("%w: phase 2 of %s, %s (%s): %w", ErrRefused, system.Name, contribution.By, contribution.File, err)
		}
		parameters = next
	}
	proving, verifying := parameters.Seal(commons, evaluations, beacon)
	made := &keys.Keys{Proving: proving.(*groth.ProvingKey), Verifying: verifying.(*groth.VerifyingKey)}
	exported, err := keys.Export(system, made)
	if err != nil {
		return nil, "", err
	}
	return made, exported.KeyHash, nil
}
