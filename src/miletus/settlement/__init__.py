"""What speaks with L1: client, batcher, watchtower, prover client, bridge.

It carries roots and data, and computes no state of its own.
"""
