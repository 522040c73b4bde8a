"""Intake, ordering, the write-ahead log and soft confirmations.

It chooses the order of words, never their effect.
"""
