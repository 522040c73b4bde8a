package main

// #include <stdint.h>
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"miletus/native/segments"
)

// job is work that goes on after the call that began it. Its fields are for reading once `done` is closed.
type job struct {
	done  chan struct{}
	valid []bool
	err   error
}

var jobs = table[*job]{objects: map[uint64]*job{}}

// start begins a job, and has its number written to a file, 8 bytes of this machine's order, when it is done.
func start(notify C.int, work func() ([]bool, error)) uint64 {
	j := &job{done: make(chan struct{})}
	handle := jobs.add(j)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				j.err = fmt.Errorf("internal error in libmiletus: %v", cause)
			}
			close(j.done)
			var raw [8]byte
			binary.NativeEndian.PutUint64(raw[:], handle)
			for {
				if _, err := syscall.Write(int(notify), raw[:]); !errors.Is(err, syscall.EINTR) {
					return // a reader that is gone waits for nothing
				}
			}
		}()
		j.valid, j.err = work()
	}()
	return handle
}

// Begins what miletus_verify_operations does; keys and words are as they are now.
//
//export miletus_start_verify
func miletus_start_verify(
	notify C.int, domain, data unsafe.Pointer, size C.int64_t, cells unsafe.Pointer, cellCount C.int64_t,
	operations unsafe.Pointer, count C.int64_t, handle unsafe.Pointer,
) *C.char {
	return guard(func() error {
		d, err := readElement(view[byte](domain, 32))
		if err != nil {
			return err
		}
		check, err := segments.NewCheck(
			&d, view[byte](data, size), view[int64](cells, cellCount), view[segments.Operation](operations, count))
		if err != nil {
			return err
		}
		*(*uint64)(handle) = start(notify, func() ([]bool, error) { return check.Run(), nil })
		return nil
	})
}

// Begins to make what was written to a file durable (fdatasync). The file may be closed meanwhile.
//
//export miletus_start_sync
func miletus_start_sync(notify, file C.int, handle unsafe.Pointer) *C.char {
	return guard(func() error {
		own, err := syscall.Dup(int(file))
		*(*uint64)(handle) = start(notify, func() ([]bool, error) {
			if err != nil {
				return nil, err
			}
			defer syscall.Close(own)
			return nil, syncFile(own)
		})
		return nil
	})
}

// Waits for a job and forgets it: writes its flags, and the system's error number, 0 if there is none.
//
//export miletus_finish_job
func miletus_finish_job(handle C.uint64_t, flags unsafe.Pointer, count C.int64_t, number unsafe.Pointer) *C.char {
	return guard(func() error {
		j, err := jobs.get(uint64(handle))
		if err != nil {
			return err
		}
		<-j.done
		if err := jobs.remove(uint64(handle)); err != nil {
			return err
		}
		if len(j.valid) != int(count) && j.err == nil {
			return fmt.Errorf("a job with %d flags, not %d", len(j.valid), count)
		}
		*(*int64)(number) = 0
		var system syscall.Errno
		if errors.As(j.err, &system) {
			*(*int64)(number) = int64(system)
			return nil
		}
		if j.err != nil {
			return j.err
		}
		writeFlags(view[byte](flags, count), j.valid, j.valid)
		return nil
	})
}
