package prover_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/edge"
	"miletus/circuits/internal/harness"
	"miletus/circuits/layout"
	"miletus/circuits/prover"
)

const somebody = "0x1212121212121212121212121212121212121212"

// job makes a job of a vector, whose segments are those of a batch with an empty inbox segment before them.
func job(t *testing.T, v *harness.Vector) map[string]any {
	t.Helper()
	var numbers, fields []byte
	for text, page := range v.PagesBefore {
		own := make([]int64, layout.Page)
		for field, value := range page {
			own[harness.PageNumber(t, field)] = value
		}
		numbers = binary.LittleEndian.AppendUint64(numbers, uint64(harness.PageNumber(t, text)))
		for _, value := range own {
			fields = binary.LittleEndian.AppendUint64(fields, uint64(value))
		}
	}
	var segments []any
	for i := range v.Segments {
		index := i + 1
		if v.Segments[i].Source == "inbox" {
			index = i
		}
		segments = append(segments, map[string]any{
			"index": index, "words": base64.StdEncoding.EncodeToString(v.Words(t, i)),
			"claim": map[string]any{"root": "0x" + v.Segments[i].RootAfter, "accumulator": "0x00"},
		})
	}
	return map[string]any{
		"kind": "edges", "size": "small", "chain_id": v.ChainID, "rollup": v.Rollup, "payee": somebody,
		"time_bound_ms": v.TimeBoundMS, "clock_floor_ms": 0, "root_before": "0x" + v.RootBefore, "segments": segments,
		"pages": map[string]any{
			"numbers": base64.StdEncoding.EncodeToString(numbers), "fields": base64.StdEncoding.EncodeToString(fields),
		},
	}
}

func open(t *testing.T, job map[string]any) (prover.Source, error) {
	t.Helper()
	raw, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	return prover.Open(raw)
}

// all gives every edge of a job.
func all(t *testing.T, job map[string]any) (edges []*prover.Statement) {
	t.Helper()
	source, err := open(t, job)
	if err != nil {
		t.Fatal(err)
	}
	for {
		next, err := source.Next()
		if err != nil {
			t.Fatal(err)
		}
		if next == nil {
			return edges
		}
		edges = append(edges, next)
	}
}

func TestEdgesLeadFromRootToRoot(t *testing.T) {
	v := harness.LoadVector(t, "garbage")
	edges := all(t, job(t, v))
	root, cursor := "0x"+v.RootBefore, int64(0)
	for i, e := range edges {
		if e.Circuit != "edge-small" || e.About["root_before"] != root || e.About["cursor_before"] != cursor {
			t.Fatalf("edge %d begins elsewhere: %v, not %s", i, e.About, root)
		}
		root, cursor = e.About["root_after"].(string), e.About["cursor_after"].(int64)
		public := e.Assignment.(*edge.Circuit).Public
		after := public.RootAfter.(fr.Element)
		if raw := after.Bytes(); harness.Root(t, root[2:]) != after || raw == [32]byte{} {
			t.Fatalf("edge %d says another root than it proves", i)
		}
		if e.About["end"] == true {
			cursor = 0
			if e.About["matches_claim"] == nil {
				t.Errorf("edge %d does not say if its segment ends as claimed", i)
			}
		}
	}
	if last := v.Segments[len(v.Segments)-1].RootAfter; root != "0x"+last {
		t.Fatalf("the edges end at %s, the engine at 0x%s", root, last)
	}
	if shorter := len(all(t, func() map[string]any { j := job(t, v); j["steps"] = 1; return j }())); shorter <= len(edges) {
		t.Fatalf("edges of one step: %d, of as many as fit: %d", shorter, len(edges))
	}
}

func TestAWrongClaimEndsAChallenge(t *testing.T) {
	v := harness.LoadVector(t, "garbage")
	j := job(t, v)
	claim := j["segments"].([]any)[0].(map[string]any)["claim"].(map[string]any)
	claim["root"] = "0x" + v.RootBefore
	j["until_wrong"] = true
	edges := all(t, j)
	if last := edges[len(edges)-1].About; last["segment"] != edges[0].About["segment"] || last["matches_claim"] != false {
		t.Fatalf("it goes on to %v", last)
	}
}

func TestEdgeJobsThatContradictThemselvesAreRefused(t *testing.T) {
	v := harness.LoadVector(t, "garbage")
	segment := func(j map[string]any) map[string]any { return j["segments"].([]any)[0].(map[string]any) }
	pages := func(j map[string]any) map[string]any { return j["pages"].(map[string]any) }
	cut := func(text any) string { return text.(string)[:len(text.(string))-8] }
	for name, change := range map[string]func(j map[string]any){
		"have the root":        func(j map[string]any) { j["root_before"] = "0x" + v.Segments[0].RootAfter },
		"no size":              func(j map[string]any) { j["size"] = "giant" },
		"no L1 address":        func(j map[string]any) { j["payee"] = "0x1" },
		"negative":             func(j map[string]any) { j["time_bound_ms"] = -1 },
		"no segment":           func(j map[string]any) { j["segments"] = []any{} },
		"not whole words":      func(j map[string]any) { segment(j)["words"] = "AAAA" },
		"not base64":           func(j map[string]any) { segment(j)["words"] = "?" },
		"words, at most":       func(j map[string]any) { segment(j)["words"] = base64.StdEncoding.EncodeToString(make([]byte, 31*1025)) },
		"integers of 64 bits":  func(j map[string]any) { pages(j)["fields"] = cut(pages(j)["fields"]) },
		"fields for":           func(j map[string]any) { pages(j)["numbers"] = "" },
		"no field element":     func(j map[string]any) { segment(j)["claim"].(map[string]any)["root"] = "0x" + strings.Repeat("f", 64) },
		"the signature at":     func(j map[string]any) { segment(j)["signatures"] = map[string]any{"0": "AAAA"} },
		"unknown field":        func(j map[string]any) { segment(j)["word"] = "" },
		"page 5: there is no":  func(j map[string]any) { number(pages(j), 5) },
		"page -1: there is no": func(j map[string]any) { number(pages(j), -1) },
	} {
		j := job(t, v)
		change(j)
		source, err := open(t, j)
		for err == nil {
			var next *prover.Statement
			if next, err = source.Next(); next == nil {
				break
			}
		}
		if !errors.Is(err, prover.ErrJob) || !strings.Contains(err.Error(), strings.Split(name, ": ")[0]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// number replaces the first page's number.
func number(pages map[string]any, number int64) {
	raw, err := base64.StdEncoding.DecodeString(pages["numbers"].(string))
	if err != nil {
		panic(err)
	}
	binary.LittleEndian.PutUint64(raw, uint64(number))
	pages["numbers"] = base64.StdEncoding.EncodeToString(raw)
}
