"""Parts of `generate_reference.py`: a page each."""
