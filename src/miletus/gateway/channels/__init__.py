"""The channels of the API, a file for each family.

A channel is made once for all who subscribe to it, and what it tells is encoded once.
"""
