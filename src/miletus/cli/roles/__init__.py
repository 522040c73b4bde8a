"""The processes of a system, each a command of its own: `miletus run <role>`.

A role wires parts of the other packages to the channel that its parent speaks through; it decides nothing
that those parts could.
"""
