"""Miletus."""
