"""The page in a real browser, before a whole system; and what its mathematics is held to."""
