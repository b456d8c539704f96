"""Damaged input for every parser that reads what others send: `python -m scripts.fuzz`."""
