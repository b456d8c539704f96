"""What docs/openrpc.json is made of, besides methods, replies and event types.

The members of events, and JSON Schema of the code's own types.
"""
