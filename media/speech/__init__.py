"""Speech: texts become sound, by espeak-ng in a process of its own, or by a program that is named.

`synthesizer` is what the engine uses; it keeps what was spoken.
"""
