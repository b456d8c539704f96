"""The SIP of calls that are up or over, kept for a while: what was sent and received, and when.

`ring` keeps it within bounds, `masking` takes out secrets, `call_view` shows it, `story` tells it.
"""
