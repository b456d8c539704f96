"""SRTP and SRTCP (RFC 3711, AES-GCM by RFC 7714): packets protected and opened by libsrtp.

One context for each direction of a leg. A context keeps its rollover counter and its replay window
for as long as its key stays the same, whatever is described again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import ClassVar, Final

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi, lib

_PROFILES: Final[dict[str, int]] = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}

TAG_BYTES: Final[dict[str, int]] = {
    "AES_CM_128_HMAC_SHA1_80": 10,
    "AES_CM_128_HMAC_SHA1_32": 4,
    "AEAD_AES_128_GCM": 16,
    "AEAD_AES_256_GCM": 16,
}
"""By suite, how many bytes an RTP packet grows by when it is protected."""

FUNCTIONS: Final[dict[str, int]] = {
    name: int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))
    for name in ("srtp_protect", "srtp_unprotect")
}
"""The addresses of libsrtp's own functions, for code that is compiled."""

_REPLAY_WINDOW_PACKETS: Final = 128
MOST_STREAMS: Final = 64
"""SSRCs of one peer of which libsrtp keeps the state. It looks for each packet's one by one."""
_RTP_SSRC, _RTCP_SSRC = slice(8, 12), slice(4, 8)
NO_LOCK: Final[AbstractContextManager[None]] = nullcontext()
"""For a context that one thread alone uses."""


class _Context:
    """One direction with one key. Raises KeyError for an unknown suite.

    `lock` is held while the context is used, which the relay may use in a thread of its own.
    """

    __slots__ = ("_lock", "_session", "address", "key", "suite")

    streams: ClassVar[int]

    def __init__(
        self, suite: str, key: bytes, lock: AbstractContextManager[None] = NO_LOCK
    ) -> None:
        self.suite, self.key, self._lock = suite, key, lock
        policy = Policy(key, self.streams, 0, _PROFILES[suite])
        policy.window_size = _REPLAY_WINDOW_PACKETS
        self._session = Session(policy)
        self.address = int(ffi.cast("uintptr_t", self._session._srtp[0]))
        """Where its context lies in memory, as long as this object lives."""


class SrtpSender(_Context):
    """Protects what is sent with one key."""

    __slots__ = ()

    streams = Policy.SSRC_ANY_OUTBOUND

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet. Raises OSError where the packet cannot be protected."""
        return self._protected(self._session.protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """The SRTCP packet. Raises OSError where the packet cannot be protected."""
        return self._protected(self._session.protect_rtcp, packet)

    def _protected(self, protect: Callable[[bytes], bytes], packet: bytes) -> bytes:
        try:
            with self._lock:
                return protect(packet)
        except (Error, ValueError) as error:
            raise OSError(f"not protected: {error}") from error


class SrtpReceiver(_Context):
    """Opens what is received with one key.

    A peer that names ever new SSRCs would otherwise make each packet of its call cost more, and
    those that somebody forges: the state of the oldest is dropped.
    """

    __slots__ = ("_ssrcs",)

    streams = Policy.SSRC_ANY_INBOUND

    def __init__(
        self, suite: str, key: bytes, lock: AbstractContextManager[None] = NO_LOCK
    ) -> None:
        super().__init__(suite, key, lock)
        self._ssrcs: dict[bytes, None] = {}

    def unprotect(self, packet: bytearray, size: int) -> int | None:
        """Open the SRTP packet of `size` bytes where it lies. Returns the size of the RTP packet.

        Returns None for a packet that is forged, damaged or replayed.
        """
        opened = self._opened(self._session.unprotect, bytes(packet[:size]), _RTP_SSRC)
        if opened is None:
            return None
        packet[: len(opened)] = opened
        return len(opened)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The RTCP packet; None for one that is forged, damaged or replayed."""
        return self._opened(self._session.unprotect_rtcp, packet, _RTCP_SSRC)

    def _opened(
        self, unprotect: Callable[[bytes], bytes], packet: bytes, where: slice
    ) -> bytes | None:
        try:
            with self._lock:
                opened = unprotect(packet)
        except (Error, ValueError):
            return None
        if (ssrc := packet[where]) not in self._ssrcs:
            self._note(ssrc)
        return opened

    def _note(self, ssrc: bytes) -> None:
        """There is another stream: the oldest goes where there are too many."""
        self._ssrcs[ssrc] = None
        if len(self._ssrcs) > MOST_STREAMS:
            oldest = next(iter(self._ssrcs))
            del self._ssrcs[oldest]
            with self._lock, suppress(Error):
                self._session.remove_stream(int.from_bytes(oldest))
