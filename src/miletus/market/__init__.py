"""Surfaces, greeks, the oracle and the market maker.

Floats are welcome here, and only integers leave towards the machine.
"""
