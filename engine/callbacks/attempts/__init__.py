"""Attempts: one try of a callback each, what is checked before, and what it came to.

`attempt` is the call flow, `attempt_outcome` says how it ended and whether it may be tried again.
"""
