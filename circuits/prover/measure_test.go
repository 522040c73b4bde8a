package prover_test

import (
	"encoding/json"
	"maps"
	"testing"

	"miletus/circuits/internal/harness"
	"miletus/circuits/prover"
)

// What is counted operation by operation, and edge by edge, is what the edges that are proved have.
func TestWhatIsMeasuredIsWhatIsProved(t *testing.T) {
	v := harness.LoadVector(t, "times_in_force")
	edges := all(t, job(t, v))
	raw, err := json.Marshal(job(t, v))
	if err != nil {
		t.Fatal(err)
	}
	var read prover.EdgesJob
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	measured, err := prover.MeasureEdges(&read, "small")
	if err != nil || len(measured) != len(edges) {
		t.Fatalf("%d edges were measured, %d are proved: %v", len(measured), len(edges), err)
	}
	proved, counted := map[string]int{}, map[string]int{}
	for i, e := range edges {
		add(proved, e.About["used"].(map[string]int))
		m := measured[i]
		if len(m.Pages) != e.About["pages"] || m.Nodes != e.About["nodes"] || m.Hashes != e.About["hashes"] || m.Steps != e.About["steps"] {
			t.Errorf("edge %d: measured %+v, proved %v", i, m, e.About)
		}
	}
	operations, err := prover.MeasureOperations(&read)
	if err != nil {
		t.Fatal(err)
	}
	words := int64(0)
	for _, operation := range operations {
		add(counted, operation.Used)
		words += operation.Words
		if operation.Used["done"]+operation.Used["skip"] == 0 || operation.Operations != 1 {
			t.Errorf("an operation does not end: %+v", operation)
		}
	}
	if words != int64(len(v.Segments[0].Words)) {
		t.Errorf("operations have %d words, the segment %d", words, len(v.Segments[0].Words))
	}
	if !maps.Equal(proved, counted) {
		t.Errorf("operations use %v, edges %v", counted, proved)
	}
	if _, err := prover.MeasureEdges(&read, "huge"); err == nil {
		t.Error("a size that there is not was measured")
	}
}

// add adds what is used, and leaves out what is not.
func add(sum, used map[string]int) {
	for name, count := range used {
		if count > 0 {
			sum[name] += count
		}
	}
}
