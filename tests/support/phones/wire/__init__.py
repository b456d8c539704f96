"""Phones made of sockets. `phone` is called, `caller` calls, `rtp` is the sound of both; `frames`
sends and hears numbered frames without SIP, in the hands of a test of the media worker."""
