"""Connections to the control socket: who is there, what they ask, and what goes back to them."""
