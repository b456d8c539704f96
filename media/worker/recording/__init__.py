"""Files of what legs say and hear: noted on the media thread, written by another.

`recorder` notes the samples of a call, `disk_thread` writes them. A full disk delays no packet.
"""
