package prover_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"miletus/circuits/internal/tiny"
	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// sums is a source of statements of the tiny circuit: 3 + i = 3 + i.
type sums struct {
	count, at int
	bad       int // this one is false
	fail      int // this one can't be made
}

func (s *sums) Total() int { return s.count }

func (s *sums) Next() (*prover.Statement, error) {
	if s.at == s.count {
		return nil, nil
	}
	s.at++
	switch s.at {
	case s.fail:
		panic("no such statement")
	case s.bad:
		return &prover.Statement{Circuit: "tiny", Assignment: &tiny.Circuit{Sum: 5, X: 3, Y: 3}}, nil
	}
	return &prover.Statement{
		Circuit: "tiny", Assignment: &tiny.Circuit{Sum: 3 + s.at, X: 3, Y: s.at}, About: map[string]any{"sum": 3 + s.at},
	}, nil
}

func newProver(t *testing.T) *prover.Prover {
	t.Helper()
	return &prover.Prover{
		Circuits: prover.Circuits{"tiny": {Name: "tiny", New: tiny.New(8)}},
		Store:    &keys.Store{Folder: t.TempDir()}, Setup: true,
	}
}

func verify(t *testing.T, p *prover.Prover, proof *prover.Proof) error {
	t.Helper()
	system, err := p.Store.System(p.Circuits["tiny"])
	if err != nil {
		t.Fatal(err)
	}
	pair, err := p.Store.LoadVerifying(system)
	if err != nil {
		t.Fatal(err)
	}
	return prover.Verify(proof, system, pair)
}

func TestProofsComeInTheirOrder(t *testing.T) {
	p := newProver(t)
	for _, sideBySide := range []int{0, 1, 3} {
		var proved int
		proofs, err := p.Run(context.Background(), &sums{count: 7}, sideBySide, func(e prover.Event) {
			if e.Kind == "proved" {
				proved++
			}
			if e.PeakBytes < 1<<20 {
				t.Errorf("a peak of %d bytes is told", e.PeakBytes)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(proofs) != 7 || proved != 7 {
			t.Fatalf("%d proofs, %d told", len(proofs), proved)
		}
		for i, proof := range proofs {
			if proof.About["sum"] != 4+i {
				t.Errorf("proof %d is about %v", i, proof.About)
			}
			if err := verify(t, p, proof); err != nil {
				t.Errorf("proof %d: %v", i, err)
			}
		}
	}
}

func TestProofsThatDoNotHoldAreRefused(t *testing.T) {
	p := newProver(t)
	honest, err := p.Prove(&prover.Statement{Circuit: "tiny", Assignment: &tiny.Circuit{Sum: 7, X: 3, Y: 4}})
	if err != nil {
		t.Fatal(err)
	}
	if len(honest.Proof) != 2+2*prover.ProofBytes || len(honest.PublicInputs) != 1 {
		t.Fatalf("%+v", honest)
	}
	const modulus = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001"
	for name, change := range map[string]func(q *prover.Proof){
		"another sum":           func(q *prover.Proof) { q.PublicInputs = []string{"0x08"} },
		"input of r or more":    func(q *prover.Proof) { q.PublicInputs = []string{modulus} },
		"negative input":        func(q *prover.Proof) { q.PublicInputs = []string{"-0x07"} },
		"decimal input":         func(q *prover.Proof) { q.PublicInputs = []string{"7"} },
		"two inputs":            func(q *prover.Proof) { q.PublicInputs = append(q.PublicInputs, "0x00") },
		"no input":              func(q *prover.Proof) { q.PublicInputs = nil },
		"a digit of A":          func(q *prover.Proof) { q.Proof = q.Proof[:60] + other(q.Proof[60]) + q.Proof[61:] },
		"shorter":               func(q *prover.Proof) { q.Proof = q.Proof[:len(q.Proof)-2] },
		"no hexadecimal":        func(q *prover.Proof) { q.Proof = "0x" + strings.Repeat("zz", prover.ProofBytes) },
		"all zero":              func(q *prover.Proof) { q.Proof = "0x" + strings.Repeat("00", prover.ProofBytes) },
		"knowledge of another":  func(q *prover.Proof) { q.Proof = q.Proof[:len(q.Proof)-128] + q.Proof[2:130] },
		"commitment of another": func(q *prover.Proof) { q.Proof = q.Proof[:514] + q.Proof[2:130] + q.Proof[642:] },
		"key of another":        func(q *prover.Proof) { q.KeyHash = "0x01" },
	} {
		changed := *honest
		change(&changed)
		if verify(t, p, &changed) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := verify(t, p, honest); err != nil {
		t.Fatal(err)
	}
}

func other(digit byte) string {
	if digit == '0' {
		return "1"
	}
	return "0"
}

func TestOneBadStatementEndsTheJob(t *testing.T) {
	p := newProver(t)
	for name, source := range map[string]*sums{
		"refuses its witness": {count: 5, bad: 3},
		"can't be made":       {count: 5, fail: 3},
	} {
		_, err := p.Run(context.Background(), source, 2, nil)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.Run(context.Background(), &sums{count: 2}, 1, nil); err != nil {
		t.Fatalf("the job after: %v", err)
	}
}

func TestAJobCanBeStopped(t *testing.T) {
	p := newProver(t)
	ctx, stop := context.WithCancel(context.Background())
	proved := 0
	_, err := p.Run(ctx, &sums{count: 1000}, 1, func(e prover.Event) {
		if e.Kind == "proved" {
			proved++
			stop()
		}
	})
	if !errors.Is(err, prover.ErrStopped) || proved > 2 {
		t.Fatalf("after %d proofs: %v", proved, err)
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	p := newProver(t)
	p.Setup = false
	statement := &prover.Statement{Circuit: "tiny", Assignment: &tiny.Circuit{Sum: 7, X: 3, Y: 4}}
	if _, err := p.Prove(statement); !errors.Is(err, keys.ErrMissing) || !strings.Contains(err.Error(), "prover setup tiny") {
		t.Errorf("no key: %v", err)
	}
	p.Setup = true
	p.Available = func() int64 { return 1 << 20 }
	if _, err := p.Prove(statement); !errors.Is(err, prover.ErrMemory) || !strings.Contains(err.Error(), "take a smaller size") {
		t.Errorf("no memory: %v", err)
	}
	p.Available = nil
	if _, err := p.Prove(statement); err != nil {
		t.Errorf("once there is memory: %v", err)
	}
	if _, err := p.Prove(&prover.Statement{Circuit: "huge"}); !errors.Is(err, prover.ErrJob) {
		t.Errorf("no circuit: %v", err)
	}
}

func TestJobsThatAreNoneAreRefused(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `[]`, `{}`, `{"kind": "riches"}`, `{"kind": 7}`, `{"kind": "outbox", "withdrawls": []}`,
		`{"kind": "outbox", "payee": "0x1212121212121212121212121212121212121212", "withdrawals": [{"owner": "0x12", "amount_micros": 1}]}`,
		`{"kind": "outbox", "payee": "0x1212121212121212121212121212121212121212", "withdrawals": [{"owner": "0x1212121212121212121212121212121212121212", "amount_micros": -1}]}`,
		`{"kind": "outbox", "payee": "0x1212121212121212121212121212121212121212", "withdrawals": [{"owner": "0x1212121212121212121212121212121212121212", "amount_micros": 72057594037927936}]}`,
		`{"kind": "outbox", "withdrawals": []}`, `{"kind": "outbox", "payee": "0x12", "withdrawals": []}`,
		`{"kind": "outbox", "payee": "0x1212121212121212121212121212121212121212", "withdrawals": [], "claimed": "7"}`,
		`{"kind": "edges", "size": "tiny"}`,
		`{"kind": "exit"}`, `{"kind": "exit", "account": 16, "pages": {"numbers": "AAAA", "fields": ""}}`,
		`{"kind": "exit", "account": 16, "cursor": 4294967295, "pages": {"numbers": "", "fields": ""}}`,
		`{"kind": "exit", "account": 16, "cursor": -1, "pages": {"numbers": "", "fields": ""}}`,
		`{"kind": "exit", "account": 15, "root": "0x01", "pages": {"numbers": "", "fields": ""}}`,
		`{"kind": "silence", "underlying": 4, "pages": {"numbers": "", "fields": ""}}`,
		`{"kind": "silence", "underlying": 0, "pages": {"numbers": "", "fields": ""}}`,
		`{"kind": "silence", "account": 16}`,
		`{"kind": "edges", "size": "small", "rollup": "0x12"}`,
	} {
		_, err := prover.Open([]byte(raw))
		if !errors.Is(err, prover.ErrJob) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestOutboxJob(t *testing.T) {
	job := map[string]any{"kind": "outbox", "payee": somebody, "withdrawals": []any{
		map[string]any{"owner": "0x1212121212121212121212121212121212121212", "amount_micros": 5_000_000},
	}, "claimed": "0x00"}
	raw, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	source, err := prover.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	statement, err := source.Next()
	if err != nil || statement.Circuit != prover.OutboxCircuit || statement.About["matches_claim"] != false {
		t.Fatalf("%+v %v", statement, err)
	}
	if next, err := source.Next(); next != nil || err != nil {
		t.Fatal("a second statement", next, err)
	}
}
