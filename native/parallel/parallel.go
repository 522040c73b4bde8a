// Package parallel spreads independent work over all cores, and brings a panic of a worker back to the caller:
// in a goroutine of its own it would end the process that the library lives in.
package parallel

import (
	"fmt"
	"runtime"
	"sync"
)

// Run calls work for ranges that together cover 0 .. count - 1, at most one range a core, each but the last of a
// multiple of `grain` items. It returns when all are done.
func Run(count, grain int, work func(first, end int)) {
	grain = max(1, grain)
	workers := max(1, min(runtime.GOMAXPROCS(0), count/grain))
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
