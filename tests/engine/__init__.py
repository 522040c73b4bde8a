"""The machine: against the naive model, against the text of each rule, and against itself rebuilt."""
