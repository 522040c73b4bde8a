"""The Python SDK for traders.

A thin, typed caller, with no state that the node does not also have.
"""
