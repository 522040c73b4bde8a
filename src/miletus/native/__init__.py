"""The binding of the Go library: hashes, signatures, trees.

It marshals and checks shapes, and decides nothing.
"""
