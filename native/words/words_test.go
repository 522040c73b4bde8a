package words

import (
	"encoding/hex"
	"encoding/json"
	"math/rand"
	"os"
	"strconv"
	"testing"
)

type vector struct {
	Source  int
	Words   string
	Records []map[string]int64
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("../../vectors/words.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// rule: 03-R01, 03-R02, 03-R03
func TestVectors(t *testing.T) {
	vectors := readVectors(t)
	if len(vectors) < 100 {
		t.Fatalf("%d vectors only", len(vectors))
	}
	for number, v := range vectors {
		words, err := hex.DecodeString(v.Words)
		if err != nil {
			t.Fatal(err)
		}
		records, err := Decode(v.Source, words)
		if err != nil {
			t.Fatalf("vector %d: %v", number, err)
		}
		if len(records) != len(v.Records) {
			t.Fatalf("vector %d: %d records, not %d", number, len(records), len(v.Records))
		}
		for i, want := range v.Records {
			for place, value := range records[i] {
				if value != want[strconv.Itoa(place)] {
					t.Errorf("vector %d, record %d, place %d: %d, not %d", number, i, place, value, want[strconv.Itoa(place)])
				}
			}
		}
	}
}

// rule: 03-R02
func TestAnyWordsDecodeAndNoneIsLeftOver(t *testing.T) {
	chance := rand.New(rand.NewSource(1))
	for range 2000 {
		words := make([]byte, WordBytes*chance.Intn(60))
		chance.Read(words)
		for at := 0; at < len(words); at += WordBytes {
			if chance.Intn(3) > 0 {
				words[at] = byte(Table[chance.Intn(len(Table))].Kind)
			}
		}
		source := chance.Intn(2)
		records, err := Decode(source, words)
		if err != nil {
			t.Fatal(err)
		}
		next := int64(0)
		for _, r := range records {
			if r[RFirstWord] != next || r[RWords] < 1 {
				t.Fatalf("record at word %d where %d is due", r[RFirstWord], next)
			}
			next += r[RWords]
		}
		if next != int64(len(words)/WordBytes) {
			t.Fatalf("%d words decoded of %d", next, len(words)/WordBytes)
		}
	}
}

func TestImpossibleLengthsAreErrors(t *testing.T) {
	for _, size := range []int{1, 30, 32, (MaxSegmentWords + 1) * WordBytes} {
		if _, err := Decode(Sequenced, make([]byte, size)); err == nil {
			t.Errorf("%d bytes decode", size)
		}
	}
	if _, err := Decode(2, nil); err == nil {
		t.Error("source 2 decodes")
	}
	if _, err := Decode(Sequenced, make([]byte, MaxSegmentWords*WordBytes)); err != nil {
		t.Error(err)
	}
}

// The table as data must describe what the straight-line decoder does.
func TestTableSaysWhatTheDecoderDoes(t *testing.T) {
	chance := rand.New(rand.NewSource(2))
	for _, operation := range Table {
		words := make([]byte, operation.Words*WordBytes)
		chance.Read(words)
		words[0] = byte(operation.Kind)
		records, err := Decode(Sequenced, words)
		if err != nil || len(records) != 1 {
			t.Fatal(operation.Name, err)
		}
		for _, field := range operation.Fields {
			if field.Limbs > 0 || field.Parts[0].Width == 8 {
				continue
			}
			part := field.Parts[0]
			value := int64(0)
			for k := range part.Width {
				value = value<<8 | int64(words[part.Word*WordBytes+part.Offset+k])
			}
			if field.Signed && value>>(8*part.Width-1) == 1 {
				value -= 1 << (8 * part.Width)
			}
			if records[0][field.Place] != value {
				t.Errorf("%s.%s: %d, the table says %d", operation.Name, field.Name, records[0][field.Place], value)
			}
		}
	}
}

func BenchmarkDecodeOrders(b *testing.B) {
	words := make([]byte, 341*3*WordBytes)
	for at := 0; at < len(words); at += 3 * WordBytes {
		words[at] = PlaceOrder
	}
	b.SetBytes(int64(len(words)))
	for b.Loop() {
		if _, err := Decode(Sequenced, words); err != nil {
			b.Fatal(err)
		}
	}
}
