"""The parts of a leg, its events, and the kinds of legs beside the usual one.

`leg_media` is its media endpoint, `leg_events` what SIP and media workers report. A permanent leg
is an agent's line that stays up between calls; a borrowed leg is one call's use of it.
"""
