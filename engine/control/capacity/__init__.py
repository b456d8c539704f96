"""How much of the engine each client of the control socket may take.

Places, turns of the event loop, time for what is costly, and memory for lines without an end.
"""
