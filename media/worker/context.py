"""What all legs of a worker share."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..messages import Event
from ..rtp.rtcp import Cname
from ..sound.frames import SpeakingSources
from .listeners import Listeners
from .relay import Relay

if TYPE_CHECKING:
    from .playout import Playout


@dataclass(slots=True)
class WorkerContext:
    """The relay, the doors, the sources that speak, and the way to tell the engine."""

    relay: Relay
    doors: Listeners
    speaking: "SpeakingSources[Playout]"
    emit: Callable[[Event], None]
    timeout_s: float
    silence_s: float
    cname: Cname
    unix_offset_s: float  # from the monotonic clock to Unix time
    rng: random.Random  # for what may be guessed, as the spread of reports
