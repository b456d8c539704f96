"""The SRTP of one leg: what protects its packets, and what opens those of its peer."""

from contextlib import AbstractContextManager

from ..protocol.messages import SrtpKeys
from ..rtp.srtp import NO_LOCK, SrtpReceiver, SrtpSender


class Protection:
    """The two contexts of a leg; None while it speaks plain RTP.

    `failures` counts the packets of its peer that are forged, damaged or replayed.
    """

    __slots__ = ("_lock", "failures", "receiver", "sender")

    def __init__(self, lock: AbstractContextManager[None] = NO_LOCK) -> None:
        """`lock` is held while a context is used."""
        self._lock = lock
        self.sender: SrtpSender | None = None
        self.receiver: SrtpReceiver | None = None
        self.failures = 0

    def agree(self, keys: SrtpKeys | None) -> None:
        """Use these keys from now on. A context whose key stays the same goes on as it is."""
        if keys is None:
            self.sender = self.receiver = None
            return
        sender, receiver = self.sender, self.receiver
        if sender is None or (sender.suite, sender.key) != (keys.suite, keys.sent):
            self.sender = SrtpSender(keys.suite, keys.sent, self._lock)
        if receiver is None or (receiver.suite, receiver.key) != (keys.suite, keys.received):
            self.receiver = SrtpReceiver(keys.suite, keys.received, self._lock)

    def open_rtp(self, packet: bytearray, size: int) -> int | None:
        """Open a packet where it lies. Returns its size then; None where it is not the peer's."""
        if self.receiver is None:
            return size
        opened = self.receiver.unprotect(packet, size)
        self.failures += opened is None
        return opened

    def open_rtcp(self, packet: bytes) -> bytes | None:
        """The RTCP packet; None where it is not the peer's."""
        if self.receiver is None:
            return packet
        opened = self.receiver.unprotect_rtcp(packet)
        self.failures += opened is None
        return opened

    def protect_rtcp(self, packet: bytes) -> bytes:
        """What travels. Raises OSError where the packet cannot be protected."""
        return packet if self.sender is None else self.sender.protect_rtcp(packet)
