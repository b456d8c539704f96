"""The 20 ms clock of the processes that make sound: the media worker and the stream host.

`frame_clock` ticks by a timer of the kernel; `alarm` is that timer.
"""
