"""The machine: a pure function of its cells and the data words.

No clock, float, I/O, randomness or hash order may enter, nor any import of ours from outside.
"""
