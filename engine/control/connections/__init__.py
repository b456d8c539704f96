"""Connections to the control socket: who is there, what they ask, and what goes back to them.

`server` accepts and `connection` reads lines. `session` is what one client may do and follow.
"""
