"""The ports of the media worker: pairs for RTP and RTCP, who listens on them, and descriptors.

A leg takes a pair from the pool of its range, and gives it back some time after it has ended.
"""
