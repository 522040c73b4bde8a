package harness

import (
	"encoding/hex"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"miletus/circuits/layout"
	"miletus/circuits/tree"
	native "miletus/native/tree"
)

// Vector is a shared vector of the machine, as make_vectors.py writes it.
type Vector struct {
	Name         string                      `json:"name"`
	ChainID      uint64                      `json:"chain_id"`
	Rollup       string                      `json:"rollup"`
	PagesBefore  map[string]map[string]int64 `json:"pages_before"`
	PagesChanged map[string]map[string]int64 `json:"pages_changed"`
	RootBefore   string                      `json:"root_before"`
	TimeBoundMS  int64                       `json:"time_bound_ms"`
	Segments     []struct {
		Source    string     `json:"source"`
		Words     []string   `json:"words"`
		Receipts  [][4]int64 `json:"receipts"`
		RootAfter string     `json:"root_after"`
		Events    string     `json:"events_accumulator"`
	} `json:"segments"`
}

// LoadVectors reads all vectors of the machine.
func LoadVectors(t testing.TB) []Vector {
	t.Helper()
	return LoadFolder(t, "../../vectors/machine")
}

// LoadFolder reads all vectors of a folder.
func LoadFolder(t testing.TB, folder string) (vectors []Vector) {
	t.Helper()
	for v := range ReadFolder(t, folder) {
		vectors = append(vectors, *v)
	}
	return vectors
}

// ReadFolder reads the vectors of a folder one after the other; there must be some.
func ReadFolder(t testing.TB, folder string) iter.Seq[*Vector] {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	if len(paths) == 0 {
		t.Fatalf("there are no vectors in %s", folder)
	}
	return func(yield func(*Vector) bool) {
		for _, path := range paths {
			v := new(Vector)
			raw, err := os.ReadFile(path)
			if err == nil {
				err = json.Unmarshal(raw, v)
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if !yield(v) {
				return
			}
		}
	}
}

// LoadVector reads one vector.
func LoadVector(t testing.TB, name string) *Vector {
	t.Helper()
	for _, v := range LoadVectors(t) {
		if v.Name == name {
			return &v
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

// Words gives the words of segment i, concatenated.
func (v *Vector) Words(t testing.TB, i int) (words []byte) {
	t.Helper()
	for _, word := range v.Segments[i].Words {
		raw, err := hex.DecodeString(word)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, raw...)
	}
	return words
}

// Root reads a root of a vector.
func Root(t testing.TB, text string) (root fr.Element) {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil || root.SetBytesCanonical(raw) != nil {
		t.Fatalf("%s is no root", text)
	}
	return root
}

// readFields puts a page of a vector as 64 integers.
func readFields(t testing.TB, page map[string]int64) (fields [layout.Page]int64) {
	t.Helper()
	for field, value := range page {
		i, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		fields[i] = value
	}
	return fields
}

// Cells packs a page of a vector.
func Cells(t testing.TB, number int64, page map[string]int64) [tree.Cells]fr.Element {
	t.Helper()
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		t.Fatal(err)
	}
	fields := readFields(t, page)
	cells, err := packing.Pack(int(layout.PageKind(number)), &fields)
	if err != nil {
		t.Fatalf("page %d: %v", number, err)
	}
	return cells
}

// Tree makes the tree of pages of a vector.
func Tree(t testing.TB, pages map[string]map[string]int64) *native.Tree {
	t.Helper()
	packing, err := native.NewPacking(layout.NativeTable())
	if err != nil {
		t.Fatal(err)
	}
	var numbers, kinds, fields []int64
	for text, page := range pages {
		number := PageNumber(t, text)
		own := readFields(t, page)
		numbers, kinds, fields = append(numbers, number), append(kinds, layout.PageKind(number)), append(fields, own[:]...)
	}
	state := native.New(packing)
	if _, err := state.Update(numbers, kinds, fields); err != nil {
		t.Fatal(err)
	}
	return state
}

// PageNumber reads a page number of a vector.
func PageNumber(t testing.TB, text string) int64 {
	t.Helper()
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
