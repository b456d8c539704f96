"""Media as the engine sees it: the pool of workers, their messages, the sources of sound.

Packets are moved by `worker` in a process of its own. It knows no SIP.
"""
