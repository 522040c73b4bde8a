package ceremony

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"miletus/circuits/keys"
)

const (
	powersKind = "powers of tau"
	// sizeOffset is where the payload says how many powers it has: after three proofs of a point of each group.
	sizeOffset = 3 * (32 + 64)
)

func (c *Ceremony) size() uint64 { return 1 << c.Transcript.Power }

// ContributePowers adds a party's randomness to phase 1. It is forgotten when this returns.
func (c *Ceremony) ContributePowers(by string) (*Contribution, error) {
	phase := &c.Transcript.Phase1
	if err := checkName(by); err != nil {
		return nil, err
	}
	if phase.Beacon != "" {
		return nil, fmt.Errorf("ceremony: phase 1 has ended: contribute to phase 2 of a circuit")
	}
	powers := mpcsetup.NewPhase1(c.size())
	if last := len(phase.Contributions) - 1; last >= 0 {
		read, err := c.readPowers(&phase.Contributions[last])
		if err != nil {
			return nil, err
		}
		powers = read
	}
	c.say("contributing to 2^%d powers", c.Transcript.Power)
	powers.Contribute()
	contribution := Contribution{By: by, File: fmt.Sprintf("powers-%03d", len(phase.Contributions)+1)}
	return c.add(phase, contribution, &keys.Header{Kind: powersKind}, powers)
}

// add writes a contribution and names it in the transcript.
func (c *Ceremony) add(phase *Phase, contribution Contribution, header *keys.Header, payload io.WriterTo) (*Contribution, error) {
	path, err := c.path(&contribution)
	if err != nil {
		return nil, err
	}
	if err := keys.WriteFile(path, header, func(to io.Writer) error {
		_, err := payload.WriteTo(to)
		return err
	}); err != nil {
		return nil, err
	}
	contribution.SHA256 = header.PayloadHash
	phase.Contributions = append(phase.Contributions, contribution)
	return &contribution, c.save()
}

// readPowers reads a contribution to phase 1. Points that are not of their group are refused by the decoder.
func (c *Ceremony) readPowers(contribution *Contribution) (*mpcsetup.Phase1, error) {
	powers := new(mpcsetup.Phase1)
	err := c.read(contribution, powersKind, func(from io.Reader) error {
		// the decoder makes room for as many points as the file says
		peeked := bufio.NewReaderSize(from, 1<<16)
		head, err := peeked.Peek(sizeOffset + 8)
		if err != nil {
			return err
		}
		if size := binary.BigEndian.Uint64(head[sizeOffset:]); size != c.size() {
			return fmt.Errorf("%d powers, not 2^%d", size, c.Transcript.Power)
		}
		_, err = powers.ReadFrom(&wholeReader{peeked})
		return err
	})
	return powers, err
}

// wholeReader never reads less than was asked while there is more: the decoder takes one Read for a hash.
type wholeReader struct{ from io.Reader }

func (w *wholeReader) Read(into []byte) (int, error) {
	n, err := io.ReadFull(w.from, into)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// read checks a file against the transcript and decodes it.
func (c *Ceremony) read(contribution *Contribution, kind string, payload func(io.Reader) error) error {
	path, err := c.path(contribution)
	if err != nil {
		return err
	}
	_, err = keys.ReadFile(path, func(h *keys.Header) error {
		if h.Kind != kind || h.PayloadHash != contribution.SHA256 {
			return fmt.Errorf("%w: %s is not the file that the transcript has of %s", ErrRefused, path, contribution.By)
		}
		return nil
	}, payload)
	return err
}

// FinishPowers ends phase 1 with a beacon, after checking every contribution.
func (c *Ceremony) FinishPowers(beacon string) error {
	if err := c.Transcript.Phase1.end(beacon); err != nil {
		return err
	}
	if _, err := c.sealPowers(); err != nil {
		return err
	}
	return c.save()
}

// VerifyPowers checks every contribution to phase 1 and gives the last one.
func (c *Ceremony) VerifyPowers() (*mpcsetup.Phase1, error) {
	powers := mpcsetup.NewPhase1(c.size())
	for i := range c.Transcript.Phase1.Contributions {
		contribution := &c.Transcript.Phase1.Contributions[i]
		c.say("checking the powers of %s", contribution.By)
		next, err := c.readPowers(contribution)
		if err != nil {
			return nil, err
		}
		if err := verify(func() error { return powers.Verify(next) }); err != nil {
			return nil, fmt.Errorf("%w: phase 1, %s (%s): %w", ErrRefused, contribution.By, contribution.File, err)
		}
		powers = next
	}
	return powers, nil
}

// verify makes errors of panics: a contribution of a strange shape must not stop the check.
func verify(check func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("can't be checked: %v", caught)
		}
	}()
	return check()
}

// sealPowers gives what phase 2 builds on: the last contribution with the beacon's.
func (c *Ceremony) sealPowers() (*mpcsetup.SrsCommons, error) {
	beacon, err := decodeBeacon(c.Transcript.Phase1.Beacon)
	if err != nil {
		return nil, fmt.Errorf("ceremony: phase 1 has not ended: %w", err)
	}
	powers, err := c.VerifyPowers()
	if err != nil {
		return nil, err
	}
	sealed := powers.Seal(beacon)
	return &sealed, nil
}
