"""Client and server transactions (RFC 3261, section 17, and RFC 6026) as tables.

Each takes messages and `now`; `layer` finds the transaction of a message.
"""
