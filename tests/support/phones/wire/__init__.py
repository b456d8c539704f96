"""Phones made of sockets. `phone` is called over UDP, `tcp` over TCP, and `caller` calls.

`message` is the SIP text of all three, `rtp` their sound. `frames` sends and hears numbered frames
without SIP, in the hands of a test of the media worker.
"""
