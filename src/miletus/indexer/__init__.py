"""History in a database: what the machine did, as rows that can be asked for.

Rows come from re-executing confirmed words. They are read from a node's feed (soon) or from L1 alone (by
anyone), and are the same either way, arrival times aside. What L1 takes back, the rows take back.
"""
