"""The one table of data words, and what is read from it: encoder, decoder, reference page.

No rule of the machine and no I/O belongs here.
"""
