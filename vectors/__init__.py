"""Inputs and results that every implementation of the machine must agree on, and what makes them."""
