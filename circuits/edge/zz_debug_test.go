package edge_test

import (
	"os"
	"sort"
	"testing"
	"fmt"

	"miletus/circuits/edge"
	"miletus/circuits/evaluate"
	"miletus/circuits/internal/harness"
	"miletus/circuits/steps"
	"miletus/circuits/layout"
)

func TestZZ(t *testing.T) {
	name := os.Getenv("VEC")
	if name == "" { t.Skip() }
	run(t, testSize("t", 80), harness.LoadVector(t, name), func(e *edge.Edge) {
		type row struct { n int64; s string }
		var rows []row
		for i, table := range steps.Tables {
			for j := range e.Used[table.Name] {
				r := e.Circuit.Rows[i][j]
				c := func(k int) int64 { return evaluate.Int(r.Head.Carried[k]) }
				s := fmt.Sprintf("%s cursor %d", table.Name, evaluate.Int(r.Head.Carried[steps.CarriedCount-3]))
				if table.Name == "done" {
					s += fmt.Sprintf(" reason %d filled %d notional %d kind %d", c(layout.RegisterReason), c(layout.RegisterFilled), c(layout.RegisterNotional), c(layout.RegisterKind))
				}
				rows = append(rows, row{evaluate.Int(r.Head.Number), s})
			}
		}
		sort.Slice(rows, func(a, b int) bool { return rows[a].n < rows[b].n })
		for _, r := range rows { fmt.Println(r.n, r.s) }
	})
}
