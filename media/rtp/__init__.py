"""RTP and RTCP (RFC 3550): packets, statistics, telephone-event, symmetric RTP.

Pure packet mathematics without sockets.
"""
