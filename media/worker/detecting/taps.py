"""Who looks at the packets of a stream, as the stream sees them."""

from typing import Protocol

from .ordered_sound import SoundPacket


class PacketTap(Protocol):
    """Takes the packets of one stream as they come, to look at their sound."""

    def hear(self, packet: SoundPacket, now: float) -> None:
        """Take a packet."""


class SoundTap(Protocol):
    """Takes the newest packets of one stream, to look at their sound."""

    def hear(self, payload: bytes, codec: str, now: float) -> None:
        """Take a packet of G.711."""
