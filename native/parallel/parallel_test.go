package parallel

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestEachItemOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, count := range []int{0, 1, 3, 4, 5, 17, 1000} {
		for _, grain := range []int{0, 1, 5, 2000} {
			seen := make([]atomic.Int32, count)
			Run(count, grain, func(first, end int) {
				for i := first; i < end; i++ {
					seen[i].Add(1)
				}
			})
			for i := range seen {
				if n := seen[i].Load(); n != 1 {
					t.Fatalf("%d items, grain %d: item %d ran %d times", count, grain, i, n)
				}
			}
		}
	}
}

func TestPanicReachesCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer func() {
		if cause := recover(); cause != "broken" {
			t.Fatalf("the caller saw %v", cause)
		}
	}()
	Run(100, 1, func(first, _ int) {
		if first > 0 {
			panic("broken")
		}
	})
	t.Fatal("the panic was lost")
}
