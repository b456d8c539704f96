"""How other programs talk with the engine: JSON-RPC on a socket, events, rights, metrics.

`server` accepts connections; `methods/` has one file for each namespace of the protocol.
"""
