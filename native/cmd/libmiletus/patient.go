package main

import "runtime"

// patient runs work that nobody waits for, one at a time, on a thread that stands back for all others.
var patient = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		standBack()
		for work := range patient {
			work()
		}
	}()
}

// runPatiently runs work there and waits for it. A panic comes back to the caller.
func runPatiently(work func()) {
	var failure any
	done := make(chan struct{})
	patient <- func() {
		defer close(done)
		defer func() { failure = recover() }()
		work()
	}
	<-done
	if failure != nil {
		panic(failure)
	}
}
