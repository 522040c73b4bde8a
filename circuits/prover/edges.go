package prover

import (
	"errors"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/edge"
	"miletus/native/poseidon"
	"miletus/native/segments"
)

// EdgesJob asks for proofs of segments of a batch, one after the other, from the state before the first of them.
type EdgesJob struct {
	Kind         string       `json:"kind"`
	Size         string       `json:"size"` // of the circuit: small, medium, large
	ChainID      uint64       `json:"chain_id"`
	Rollup       string       `json:"rollup"`
	Payee        string       `json:"payee"`
	TimeBoundMS  int64        `json:"time_bound_ms"`
	ClockFloorMS int64        `json:"clock_floor_ms"`
	RootBefore   string       `json:"root_before,omitempty"`
	Pages        PagesJob     `json:"pages"`
	Segments     []SegmentJob `json:"segments"`
	// UntilWrong stops after the first segment that ends elsewhere than claimed: what a challenge needs.
	UntilWrong bool `json:"until_wrong,omitempty"`
	// Steps is the most steps of an edge, 0 for as many as fit.
	Steps int64 `json:"steps,omitempty"`
}

// SegmentJob is a segment of the batch.
type SegmentJob struct {
	Index int    `json:"index"` // in the batch; 0 is the inbox segment, with which the batch begins
	Last  bool   `json:"last"`  // of the batch
	Words string `json:"words"` // 31 bytes each, in base64
	Claim *struct {
		Root        string `json:"root"`
		Accumulator string `json:"accumulator"`
	} `json:"claim,omitempty"`
	// Signatures are the words of signatures that are not on L1: two of 31 bytes each in base64, by the place of the
	// operation's first word. Nil where signatures are on L1.
	Signatures map[int64]string `json:"signatures,omitempty"`
	OffChain   bool             `json:"off_chain,omitempty"`
	// Proved is what L1 has of the segment's path already: its first edge goes on from there.
	Proved *struct {
		Steps int64  `json:"steps"` // from the segment's beginning
		Root  string `json:"root"`  // after them
	} `json:"proved,omitempty"`
}

// edges runs a job's segments.
type edges struct {
	job    *EdgesJob
	size   *edge.Size
	domain fr.Element
	payee  fr.Element
	state  *state
	at     int // segment
	runner *edge.Runner
	over   bool
}

// limits of times, as the circuit has them.
const timeLimit = int64(1) << 48

func (j *EdgesJob) open() (Source, error) {
	size, err := edge.FindSize(j.Size)
	if err != nil {
		return nil, refuse("there is no size %q", j.Size)
	}
	rollup, err := parseAddress("the rollup", j.Rollup)
	if err != nil {
		return nil, err
	}
	payee, err := parseAddress("the payee", j.Payee)
	if err != nil {
		return nil, err
	}
	if j.TimeBoundMS < 0 || j.TimeBoundMS >= timeLimit || j.ClockFloorMS < 0 || j.ClockFloorMS >= timeLimit || j.Steps < 0 {
		return nil, refuse("times of %d and %d ms, edges of %d steps: none may be negative", j.TimeBoundMS, j.ClockFloorMS, j.Steps)
	}
	if len(j.Segments) == 0 {
		return nil, refuse("it has no segment")
	}
	state, err := j.Pages.open(j.RootBefore)
	if err != nil {
		return nil, err
	}
	e := &edges{job: j, size: size, state: state}
	e.payee.SetBytes(payee[:])
	var address fr.Element
	address.SetBytes(rollup[:])
	e.domain = poseidon.Hash7(poseidon.TagMessage, fr.NewElement(j.ChainID), address)
	return e, e.enter()
}

func (e *edges) Total() int { return 0 }

// enter stands before the next segment.
func (e *edges) enter() error {
	s := &e.job.Segments[e.at]
	raw, err := parseBytes("a segment's words", s.Words)
	if err != nil {
		return err
	}
	_, h, z, y, err := segments.BindData(raw)
	if err != nil {
		return refuse("segment %d: %v", s.Index, err)
	}
	if count := len(raw) / segments.Size; count > e.size.Words {
		return refuse("segment %d has %d words, at most %d", s.Index, count, e.size.Words)
	}
	if e.at > 0 && s.Index != e.job.Segments[e.at-1].Index+1 {
		return refuse("segment %d follows segment %d", s.Index, e.job.Segments[e.at-1].Index)
	}
	segment := &edge.Segment{
		Inbox: s.Index == 0, Last: s.Last, OffChain: s.OffChain, TimeBoundMS: e.job.TimeBoundMS, FloorMS: e.job.ClockFloorMS,
		Domain: e.domain, Payee: e.payee, Hash: h, Point: z, Value: y, Words: splitWords(raw),
	}
	if segment.Signatures, err = parseSignatures(s); err != nil {
		return err
	}
	pages, tree := e.state.pages, e.state.tree
	if e.runner != nil {
		pages, tree = e.runner.World.Pages, e.runner.Tree
	}
	e.runner = edge.NewRunner(e.size, segment, tree, pages, s.Index == 0)
	return e.pass(s)
}

// pass goes to where the edges of a segment go on.
func (e *edges) pass(s *SegmentJob) error {
	if s.Proved == nil {
		return nil
	}
	root, err := parseElement("a proved root", s.Proved.Root)
	if err != nil {
		return err
	}
	if s.Proved.Steps < 1 {
		return refuse("segment %d: %d steps of it are said to be proved, it must be one at least", s.Index, s.Proved.Steps)
	}
	r := e.runner
	for before := int64(-1); r.Steps < s.Proved.Steps; before = r.Steps {
		if r.Steps == before {
			return refuse("segment %d has %d steps, %d are said to be proved", s.Index, r.Steps, s.Proved.Steps)
		}
		if err := r.Pass(s.Proved.Steps - r.Steps); err != nil {
			return fmt.Errorf("prover: segment %d: %w", s.Index, err)
		}
	}
	if found := r.Tree.Root(); found != root {
		return refuse("segment %d: its root after %d steps is %s, said to be proved is %s",
			s.Index, r.Steps, hexElement(&found), hexElement(&root))
	}
	return nil
}

func splitWords(raw []byte) (words []fr.Element) {
	for ; len(raw) >= segments.Size; raw = raw[segments.Size:] {
		words = append(words, *new(fr.Element).SetBytes(raw[:segments.Size]))
	}
	return words
}

func parseSignatures(s *SegmentJob) (map[int64][2]fr.Element, error) {
	signatures := make(map[int64][2]fr.Element, len(s.Signatures))
	for at, text := range s.Signatures {
		raw, err := parseBytes("a signature", text)
		if err != nil {
			return nil, err
		}
		words := splitWords(raw)
		if len(raw) != 2*segments.Size {
			return nil, refuse("segment %d: the signature at word %d has %d bytes, not two words", s.Index, at, len(raw))
		}
		signatures[at] = [2]fr.Element(words)
	}
	return signatures, nil
}

// Next runs the machine as far as one edge goes.
func (e *edges) Next() (*Statement, error) {
	if e.over {
		return nil, nil
	}
	s := &e.job.Segments[e.at]
	made, err := e.runner.Next(e.job.Steps)
	if err != nil {
		return nil, fmt.Errorf("prover: segment %d: %w", s.Index, err)
	}
	about, wrong, err := describe(s, made)
	if err != nil {
		return nil, err
	}
	if made.Place.Flags.End {
		e.at++
		if e.at == len(e.job.Segments) || (wrong && e.job.UntilWrong) {
			e.over = true
		} else if err := e.enter(); err != nil {
			return nil, err
		}
	}
	return &Statement{EdgeCircuit(e.size.Name), made.Circuit, about}, nil
}

// EdgeCircuit is the name of the circuit of a size.
func EdgeCircuit(size string) string { return "edge-" + size }

// describe tells where an edge goes from and to, and if its segment ends as claimed.
func describe(s *SegmentJob, e *edge.Edge) (about map[string]any, wrong bool, err error) {
	outbox, ok := e.Circuit.Public.OutboxAfter.(fr.Element)
	if !ok {
		return nil, false, errors.New("prover: an edge without an outbox")
	}
	about = map[string]any{
		"segment": s.Index, "words": e.Place.Words, "cursor_before": e.Place.CursorBefore, "cursor_after": e.Place.CursorAfter,
		"steps": e.Place.Steps, "begin": e.Place.Flags.Begin, "end": e.Place.Flags.End, "last": e.Place.Flags.Last,
		"idle_before": e.Place.Flags.IdleBefore, "idle_after": e.Place.Flags.IdleAfter,
		"root_before": hexElement(&e.Before), "root_after": hexElement(&e.After), "outbox_after": hexElement(&outbox),
		"pages": e.Touched, "nodes": e.Nodes, "signatures": e.Signatures, "hashes": e.Hashes, "used": e.Used,
	}
	if s.Claim == nil || !e.Place.Flags.End {
		return about, false, nil
	}
	root, err := parseElement("a claimed root", s.Claim.Root)
	if err != nil {
		return nil, false, err
	}
	accumulator, err := parseElement("a claimed accumulator", s.Claim.Accumulator)
	if err != nil {
		return nil, false, err
	}
	wrong = root != e.After || accumulator != outbox
	about["matches_claim"] = !wrong
	return about, wrong, nil
}
