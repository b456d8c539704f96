"""The media worker: the process that relays, plays and records. The engine never imports it.

`worker` is its main; `switch` has its legs; `relay` and `relay_thread` have packets forwarded.
"""
