"""Studies of what each design costs.

They may read everything; nothing outside the lab may import them.
"""
