"""How two who talk hear each other: one-way audio, echo, clipping, who speaks.

No socket and no clock: packets and the time go in, findings come out.
"""
