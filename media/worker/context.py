"""What all legs of one worker share."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..protocol.messages import Event
from ..rtp.rtcp import Cname
from ..sound.frames import SpeakingSources
from .clocked_playouts import ClockedPlayouts
from .mixing.mixer import Mixer
from .playout import Playout
from .ports.listeners import Listeners
from .relay import Relay


@dataclass(slots=True)
class WorkerContext:
    """The relay, the unconnected sockets, the speaking sources, and the way to the engine."""

    relay: Relay
    listeners: Listeners
    speaking: SpeakingSources[Playout]
    clocked: ClockedPlayouts[Playout]
    emit: Callable[[Event], None]
    failed: Callable[[object], None]  # a leg, or a part of one, that ends with the frame
    timeout_s: float  # infinite for never, as is the next one
    silence_s: float
    sleep_s: float  # how long a browser may be silent, where that is longer than timeout_s
    cname: Cname
    unix_offset_s: float  # from the monotonic clock to Unix time
    rng: random.Random  # for what may be guessed, as the spread of reports
    mixer: Mixer
    tells_rtcp: bool = False  # whether the engine hears of each report
    poor_mos: float = 0.0  # 0: nobody hears of poor quality
    good_mos: float = 0.0
