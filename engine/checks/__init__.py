"""Checks of a configuration by the rules of the running engine.

`ringback check`, the start of the engine and `engine.reload` ask the same.
"""
