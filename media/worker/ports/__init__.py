"""The ports of the media worker: pairs for RTP and RTCP, who listens on them, and descriptors."""
