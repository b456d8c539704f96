"""Speech recognition: what a party says, as text, by an engine in a process of its own.

`session` runs in the stream host: the sound of one leg on one side, a recogniser on the other.
"""
