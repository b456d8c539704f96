"""The relay: the table of received streams, and the loop that forwards their packets.

One loop is in C and runs in a thread of its own, one is in plain Python.
"""
