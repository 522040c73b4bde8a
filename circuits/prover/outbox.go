package prover

import "miletus/circuits/outbox"

// OutboxCircuit is the name of the outbox's circuit.
const OutboxCircuit = "outbox"

// OutboxJob asks for a proof of what a batch's posted withdrawals fold to.
type OutboxJob struct {
	Kind        string `json:"kind"`
	Payee       string `json:"payee"`
	Withdrawals []struct {
		Owner        string `json:"owner"` // 0x and 40 digits
		AmountMicros uint64 `json:"amount_micros"`
	} `json:"withdrawals"`
	// Claimed is the accumulator that the batch claims; it may differ, and the proof then shows that the batch is
	// wrong. Empty where nothing was claimed.
	Claimed string `json:"claimed,omitempty"`
}

func (j *OutboxJob) open() (Source, error) {
	payee, err := parseAddress("the payee", j.Payee)
	if err != nil {
		return nil, err
	}
	withdrawals := make([]outbox.Withdrawal, len(j.Withdrawals))
	for i, w := range j.Withdrawals {
		owner, err := parseAddress("the owner of a withdrawal", w.Owner)
		if err != nil {
			return nil, err
		}
		withdrawals[i] = outbox.Withdrawal{Owner: owner, AmountMicros: w.AmountMicros}
	}
	circuit, err := outbox.Assign(withdrawals, payee, outbox.Most)
	if err != nil {
		return nil, refuse("%v", err)
	}
	accumulator := outbox.Fold(withdrawals)
	about := map[string]any{"count": len(withdrawals), "accumulator": hexElement(&accumulator)}
	if j.Claimed != "" {
		claimed, err := parseElement("the claimed accumulator", j.Claimed)
		if err != nil {
			return nil, err
		}
		about["matches_claim"] = claimed.Equal(&accumulator)
	}
	return &list{statements: []*Statement{{OutboxCircuit, circuit, about}}}, nil
}
