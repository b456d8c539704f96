"""Keys that a party is asked for: gathered, and hidden from all others where they are secret.

`gather` is the machine without a clock; `gathers` runs it on a leg. `opt_out` is the key by which
a called person asks not to be called again.
"""
