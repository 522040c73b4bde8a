"""The Deribit API v2, served to a trader's own software, which keeps its keys.

It follows the confirmed words and runs the machine itself, so what it says of books and accounts is computed
here; it signs with the trading keys that it was given, and decides nothing.
"""
