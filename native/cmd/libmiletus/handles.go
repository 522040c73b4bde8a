package main

import (
	"errors"
	"sync"

	"miletus/native/tree"
)

// table gives Go objects numbers that C can hold. A number is never used again.
type table[T any] struct {
	mutex   sync.RWMutex
	last    uint64
	objects map[uint64]T
}

var trees = table[*tree.Tree]{objects: map[uint64]*tree.Tree{}}

var errNoHandle = errors.New("this object was freed already")

func (t *table[T]) add(object T) uint64 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.last++
	t.objects[t.last] = object
	return t.last
}

func (t *table[T]) get(handle uint64) (object T, err error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	object, ok := t.objects[handle]
	if !ok {
		return object, errNoHandle
	}
	return object, nil
}

func (t *table[T]) remove(handle uint64) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if _, ok := t.objects[handle]; !ok {
		return errNoHandle
	}
	delete(t.objects, handle)
	return nil
}
