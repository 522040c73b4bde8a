"""Tests of the market: chains, surfaces, the sheet, the oracle, makers and takers."""
