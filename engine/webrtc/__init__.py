"""Calls of browsers: their audio, and the agents whose phone is a browser.

`browser_audio` has their descriptions translated by the WebRTC process; `registrar` knows which
browser an agent is signed in with.
"""
