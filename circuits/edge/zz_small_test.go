package edge

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/evaluate"
	"miletus/circuits/integers"
	"miletus/circuits/memory"
	"miletus/circuits/steps"
)

type counting struct {
	*evaluate.Bus
	counts map[string]int
}

func (c *counting) Small(v frontend.Variable, bits int) {
	c.Bus.Small(v, bits)
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	seen := map[string]bool{}
	for {
		frame, more := frames.Next()
		if name, ours := strings.CutPrefix(frame.Function, "miletus/circuits/"); ours && !seen[name] {
			seen[name] = true
			c.counts[name]++
			if strings.HasPrefix(name, "steps.") { k := fmt.Sprintf("  at %s:%d", name, frame.Line); if !seen[k] {c.counts[k]++; seen[k]=true} }
		}
		if !more { break }
	}
}

func TestZZSmall(t *testing.T) {
	name := os.Getenv("TABLE")
	if name == "" { t.Skip() }
	b := &counting{evaluate.NewBus([]int{8, 13}), map[string]int{}}
	head := steps.Head{Enabled: fr.Element{}, Number: fr.Element{}}
	for i := range head.Carried { head.Carried[i] = fr.Element{} }
	zero := func(bits int) integers.Integer { return integers.Known(fr.Element{}, bits) }
	shared := &steps.Shared{Bus: b, Memory: memory.New(b, steps.TupleCells, 20), Batch: steps.Batch{
		Words: zero(16), Inbox: zero(1), OffChain: zero(1), TimeBoundMS: zero(timeBoundBits), Domain: fr.Element{},
	}}
	steps.Define(shared, steps.FindTable(name), &head, &blank{})
	var names []string
	for n := range b.counts { names = append(names, n) }
	sort.Slice(names, func(i, j int) bool { return b.counts[names[i]] > b.counts[names[j]] })
	for _, n := range names { if b.counts[n] >= 8 { fmt.Println(b.counts[n], n) } }
}
