"""Tests of the house: how the parts may depend on each other, and what the repository promises of itself.

What tests the exchange does not belong here.
"""
