"""Attacks on a running engine, in a network namespace of their own: `python -m scripts.attack`."""
