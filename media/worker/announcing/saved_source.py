"""What a leg was heard to hear, kept while an announcement takes its place."""

from dataclasses import dataclass

from ...sound.clip import Clip
from ..peer_stream import PeerStream


@dataclass(slots=True)
class Saved:
    """A clip, another leg's peer, or the one until the first packet of the other; or a sum of what
    others say."""

    clip: Clip | None = None
    play: int = 0
    loop: bool = False
    falls: bool = False
    position: int = 0
    hearing: PeerStream | None = None
    patient: bool = False
    mixed: tuple[PeerStream, ...] = ()
