"""When a pause in what a leg hears is filled with silence. Times are seconds of one clock."""

from typing import Final

from ..rtp.outgoing_stream import FRAME_S, OutgoingStream
from .peer_stream import PeerStream

GAP_FILL_S: Final = 0.16  # silence is sent once the relayed peer has sent nothing for this long
MIX_GAP_S: Final = 0.035  # the same while something is mixed over it, which must not pause
# The same, from the end of the last packet on, while there is no source. The next look is 20 ms
# later: packets of 20 ms then pause for 40 ms at most.
_NO_SOURCE_S: Final = -0.001
_LATEST_S: Final = 0.4  # of what came late, as far as the next pause makes up for it


def must_fill(stream: OutgoingStream, hearing: PeerStream | None, now: float) -> bool:
    """Whether silence would be too late at the next look, without any other source."""
    over_s = now - stream.ends_at
    if over_s < _NO_SOURCE_S:
        return False
    is_coming = hearing is not None and now - hearing.heard_at < FRAME_S  # before that look
    return not is_coming or over_s > -_NO_SOURCE_S


def has_stopped(hearing: PeerStream, since: float, late_s: float, now: float) -> bool:
    """Whether a peer sends nothing any more. Before `since` it was not heard.

    What it said last is heard by `late_s` later, so that the other one has something to hear.
    """
    return now - hearing.heard_at >= GAP_FILL_S + late_s and now - since >= GAP_FILL_S


def lateness_s(stream: OutgoingStream, timestamp: int, now: float) -> float:
    """How much later a packet is heard now that was sent before a pause was filled."""
    return min(max(0.0, stream.late_s(timestamp, now)), _LATEST_S)
