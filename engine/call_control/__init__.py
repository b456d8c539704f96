"""Calls that a client moves by commands (third-party call control, RFC 3725).

The client originates them, or they come in and are handed to it. The engine decides nothing
in them.
"""
