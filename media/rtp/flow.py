"""What the relay needs of a received stream: a row of its table, in plain Python.

The relay in C has rows of its own, with the same members and methods (`media/relay/native.pyi`).
"""

from typing import TypeAlias

Figures: TypeAlias = tuple[int, float, int, int]
"""`expect`, `heard_at`, `failures` and `unauthentic` of a stream at one moment."""


class Flow:
    """The packet expected next of a stream, where it goes, and what was heard of the stream.

    While the stream is armed (`expect` is not 0), the relay writes here, maybe in a thread of its
    own; while it is not, its owner does. Times are seconds of the monotonic clock.
    """

    __slots__ = (  # noqa: RUF023 - in the order of their meaning
        # The first eight bytes of the packet expected next, as one number; 0: none is expected.
        "expect",
        # The first packet not to be forwarded any more.
        "stop",
        # From the bytes received to the bytes sent, modulo 2^64.
        "delta",
        # The libsrtp contexts that open what comes and protect what is sent; 0: plain RTP.
        "srtp_in",
        "srtp_out",
        # The newest packet, and one that could be heard.
        "heard_at",
        "loud_at",
        # In units of the RTP clock (RFC 3550 A.8).
        "jitter",
        "ssrc",
        "out_ssrc",
        # The listener's socket; negative while there is no listener.
        "out_fd",
        # Packets that could not be sent, and SRTP that was forged, damaged or replayed.
        "failures",
        "unauthentic",
        # Bytes of the datagram expected next.
        "size",
        # Rows of `media/relay/tables.py`: which samples are loud, and how they are translated.
        "codec",
        "translation",
        # The last sample that was received, as it was coded.
        "last",
        # Its packets that were handed over and are not dealt with; its place in a relay.
        "queued",
        "serial",
    )

    def __init__(self) -> None:
        self.expect = self.stop = self.delta = 0
        self.srtp_in = self.srtp_out = 0
        self.heard_at = self.loud_at = self.jitter = 0.0
        self.ssrc = self.out_ssrc = 0
        self.out_fd = -1
        self.failures = self.unauthentic = 0
        self.size = self.codec = self.translation = self.last = 0
        self.queued = self.serial = 0

    def arm(self, expect: int, stop: int) -> None:
        """Expect a packet from now on, with everything else of the flow set.

        Not where SRTP is spoken: this relay leaves it to the general path.
        """
        if not self.srtp_in and not self.srtp_out:
            self.stop = stop
            self.expect = expect

    def figures(self) -> Figures:
        """What has come; failures are counted anew from here."""
        figures = (self.expect, self.heard_at, self.failures, self.unauthentic)
        self.failures = self.unauthentic = 0
        return figures

    def disarm(self) -> Figures:
        """The same, and nothing is expected any more."""
        figures = self.figures()
        self.expect = 0
        return figures
