// Package parallel spreads independent work over all cores, and brings a panic of a worker back to the caller:
// in a goroutine of its own it would end the process that the library lives in.
package parallel

import (
	"fmt"
	"runtime"
	"sync"
)

// Spare is how many of Go's processors Run leaves alone: a library has more than the machine has cores, so that a
// call never waits for another's work.
var Spare = 0

// Cores is how many ranges Run makes at most.
func Cores() int { return max(1, runtime.GOMAXPROCS(0)-Spare) }

// Run is RunOn all cores.
func Run(count, grain int, work func(first, end int)) { RunOn(Cores(), count, grain, work) }

// RunOn calls work for ranges that together cover 0 .. count - 1, at most `workers` of them, each but the last of
// a multiple of `grain` items. It returns when all are done.
func RunOn(workers, count, grain int, work func(first, end int)) {
	grain = max(1, grain)
	workers = max(1, min(workers, count/grain))
	if workers == 1 {
		if count > 0 {
			work(0, count)
		}
		return
	}
	grains := (count + grain - 1) / grain
	size := (grains + workers - 1) / workers * grain
	var group sync.WaitGroup
	var first sync.Once
	var failure any
	for start := 0; start < count; start += size {
		end := min(start+size, count)
		group.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					first.Do(func() { failure = cause })
				}
			}()
			work(start, end)
		})
	}
	group.Wait()
	if failure != nil {
		panic(fmt.Sprint(failure))
	}
}
