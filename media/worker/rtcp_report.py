"""Tells the engine of RTCP reports, for a collector, where it wants to hear of them."""

from collections.abc import Callable
from typing import Final

from ..protocol.messages import Event, RtcpSeen
from ..protocol.rtcp_figures import RtcpBlock, RtcpSender
from ..rtp import rtcp
from ..rtp.symmetric_rtp import Address

# A peer that sends more often than that is heard of no more often.
_LEAST_BETWEEN_S: Final = 1.0


class RtcpTeller:
    """The reports of one leg, by `emit`, each direction once a second at most."""

    __slots__ = ("_emit", "_leg", "_told_at")

    def __init__(self, leg: str, emit: Callable[[Event], None]) -> None:
        self._leg = leg
        self._emit = emit
        self._told_at: dict[bool, float] = {}

    def tell(
        self, data: bytes, peer: Address, local_port: int, now: float, *, is_sent: bool
    ) -> None:
        """A compound packet, in clear, was sent to the peer or came from it."""
        told_at = self._told_at.get(is_sent)
        if told_at is not None and now - told_at < _LEAST_BETWEEN_S:
            return
        try:
            compound = rtcp.parse(data)
        except rtcp.RtcpError:
            return
        self._told_at[is_sent] = now
        sender = compound.sender
        self._emit(
            RtcpSeen(
                self._leg,
                is_sent,
                *peer,
                local_port,
                compound.ssrc,
                None
                if sender is None
                else RtcpSender(sender.ntp, sender.timestamp, sender.packets, sender.octets),
                tuple(
                    RtcpBlock(
                        one.ssrc,
                        one.fraction_lost,
                        one.cumulative_lost,
                        one.highest_sequence,
                        one.jitter,
                        one.last_report,
                        one.delay,
                    )
                    for one in compound.blocks
                ),
            )
        )
