"""The recordings of talks: their files, what is known of each, and where they go in the end.

The media worker writes WAV; what records a call is in `engine/calls`. This room imports no call.
"""
