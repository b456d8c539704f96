"""The part of the engine that a client may ask about: an agent, their own jobs, some sites.

Who sees everything has no scope.
"""
