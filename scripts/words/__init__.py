"""Writers of what is generated from the table of data words, one module a language.

Nothing here runs in the product; `scripts/generate_words.py` is the command.
"""
