"""The commands that read a configuration, and need no engine.

`ringback check`, `ringback doctor` and `ringback script`.
"""
