package main

import (
	"errors"
	"syscall"
)

// patience is how much a thread for work that nobody waits for stands back, as `nice` counts.
const patience = 5

// syncFile makes a file's data durable.
func syncFile(file int) error {
	for {
		if err := syscall.Fdatasync(file); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// standBack lowers the priority of the calling thread. It is a wish: an error changes nothing.
func standBack() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), patience) }
