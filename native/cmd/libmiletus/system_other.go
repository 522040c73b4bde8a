//go:build !linux

package main

import "syscall"

func syncFile(file int) error { return syscall.Fsync(file) }

func standBack() {}
