"""Streams: the sound of a leg over a WebSocket to a service, such as a voice bot.

`stream_host` is a process of its own: RTP of a media worker on one side, WebSockets on the other.
`host_client` is the engine's side of it.
"""
