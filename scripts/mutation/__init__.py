"""Parts of `mutate.py`: what a mutant is (operators), and what has to notice it (traces).

What runs the product or its tests does not belong here.
"""
