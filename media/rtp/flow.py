"""What the relay's fast path needs of a received stream: one row of its flow table."""

import ctypes


class Flow(ctypes.Structure):
    """The packet expected next of a stream, where it goes, and what was heard of the stream.

    The fast path reads and writes the rows of its table as they lie in memory; Python has the same
    row as an object. A stream that the fast path does not know has a row of its own.
    """

    _fields_ = (
        # The first eight bytes of the packet expected next, as one number; 0: none is expected.
        ("expect", ctypes.c_uint64),
        # The first packet not to be forwarded any more.
        ("stop", ctypes.c_uint64),
        # From the bytes received to the bytes sent, modulo 2^64.
        ("delta", ctypes.c_uint64),
        # The libsrtp contexts that open what comes and protect what is sent; 0: plain RTP.
        ("srtp_in", ctypes.c_uint64),
        ("srtp_out", ctypes.c_uint64),
        # Seconds of the monotonic clock: the newest packet, and one that could be heard.
        ("heard_at", ctypes.c_double),
        ("loud_at", ctypes.c_double),
        # In units of the RTP clock (RFC 3550 A.8).
        ("jitter", ctypes.c_double),
        ("ssrc", ctypes.c_uint32),
        ("out_ssrc", ctypes.c_uint32),
        # The listener's socket; negative while there is no listener.
        ("out_fd", ctypes.c_int32),
        # Packets that could not be sent since the stream was armed.
        ("failures", ctypes.c_uint32),
        # SRTP packets that were forged, damaged or replayed since then.
        ("unauthentic", ctypes.c_uint32),
        # Bytes of the datagram expected next.
        ("size", ctypes.c_uint32),
        # Rows of the tables in `fast_path`: which samples are loud, and how they are translated.
        ("codec", ctypes.c_uint8),
        ("translation", ctypes.c_uint8),
        # The last sample that was received, as it was coded.
        ("last", ctypes.c_uint8),
    )

    expect: int
    stop: int
    delta: int
    srtp_in: int
    srtp_out: int
    heard_at: float
    loud_at: float
    jitter: float
    ssrc: int
    out_ssrc: int
    out_fd: int
    failures: int
    unauthentic: int
    size: int
    codec: int
    translation: int
    last: int

    def __init__(self) -> None:
        super().__init__(out_fd=-1)
