"""The main job: a market traded on the rollup for some simulated days and settled on L1, in minutes.

It starts a system like any other, moves its time, and shows what happens. Nothing in it knows a result: every
number that it prints comes from the processes, and what counts from the watchtower, which has L1 alone.
"""
