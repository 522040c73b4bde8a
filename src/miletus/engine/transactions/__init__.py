"""One file an operation, of the same name in the circuit, each in four phases.

AUTHORISE who may, CHECK what must hold, APPLY the change, PUBLISH the receipt. What takes several steps
sets a phase and is carried on there (`matching`, `refresh`). Nothing else belongs here.
"""
