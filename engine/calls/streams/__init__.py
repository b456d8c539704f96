"""Legs whose party is a service: the sound goes over a WebSocket, by the stream host.

`stream_leg` is such a leg for the rest of a call; `hosted_streams` are its connections.
"""
