"""Attempts: one try of a callback each, what is checked before, and what it came to."""
