"""The `ringback` command: one file for each group of commands, and the tables they print.

It is a client of the control socket; only `ringback run` builds an engine.
"""
