"""Keys as sound (ITU-T Q.23, Q.24): heard, and made.

`detector` finds keys in samples, `tones` makes them. RFC 4733 events are in `media/rtp`.
"""
