"""The audio of browsers: ICE and DTLS-SRTP on one side, plain RTP on loopback on the other.

A process of its own, so that neither a browser nor the library that speaks with it can disturb the
media worker. `messages` are what the engine says to it, `session` is one browser, `process` runs.
"""
