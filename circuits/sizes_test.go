package circuits_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"testing"

	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// sizesFile has the constraints of every circuit that L1 has a verifier of.
const sizesFile = "sizes.csv"

// slow are circuits that take most of a minute to compile, and some GiB.
var slow = []string{"edge-medium", "edge-large"}

// The constraints of a whole circuit are pinned: a change of them is a change of its keys.
func TestConstraintsOfEveryCircuit(t *testing.T) {
	file, err := os.Open(sizesFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := prover.Known()
	if len(rows) != len(known) {
		t.Errorf("%s has %d circuits, there are %d", sizesFile, len(rows), len(known))
	}
	for i, row := range rows {
		name, pinned := row[0], row[1]
		if testing.Short() && slices.Contains(slow, name) {
			continue
		}
		system, err := keys.Compile(known[name])
		if err != nil {
			t.Fatal(err)
		}
		if count := strconv.Itoa(system.Constraints.GetNbConstraints()); count != pinned {
			rows[i][1] = count
			if !*update {
				t.Errorf("%s: %s constraints, %s has %s: run `go test -run Circuit -update .` if that is meant", name, count, sizesFile, pinned)
			}
		}
	}
	if *update {
		if err := writeRows(sizesFile, rows); err != nil {
			t.Fatal(err)
		}
	}
}

func writeRows(path string, rows [][]string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(file).WriteAll(rows); err != nil {
		return err
	}
	return file.Close()
}
