"""A market maker to start from: it fits a surface, quotes around it, and knows when to stop.

What it wants is computed by pure functions (`theory`, `quoting`, `risk`, `profit`); `runner` alone talks to
an exchange. Nothing here is needed by the exchange.
"""
