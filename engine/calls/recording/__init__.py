"""Recording of a talk: what runs while it is recorded, and the announcement before it.

`recording` is the recording of one call; `recording_notice` is the announcement.
"""
