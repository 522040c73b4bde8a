"""The command miletus.

It parses, calls the parts and prints, and holds no logic worth a test of its own.
"""
