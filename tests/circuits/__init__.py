"""Tests of what Python makes for the circuits; the circuits' own are in Go."""
