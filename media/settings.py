"""How a media worker works."""

from dataclasses import dataclass, field
from typing import Final

from .sound_settings import SoundSettings

TIMEOUT_S: Final = 30.0
SILENCE_S: Final = 5.0
QUARANTINE_S: Final = 5.0
ORPHAN_S: Final = 10.0
LOUDNESS_LUFS: Final = -19.0
"""That of every sound file and of synthetic speech; the built-in music lies a little under it."""
EXPEDITED_FORWARDING: Final = 46
"""The mark of voice (RFC 3246)."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Handed to the worker when it is started.

    `ports` are the first and the last one it may use, inclusive. A peer of which nothing comes for
    `timeout_s` gives MediaTimeout, one that sends nothing audible for `silence_s` SilenceStarted;
    with 0 it never does. A browser may be silent for `sleep_s`, where that is longer. When the
    engine is gone without a word, the worker carries its legs on for `orphan_s` and then ends.
    `dscp` marks the packets that are sent (RFC 2474), 0 to 63. With `tells_rtcp` the engine hears
    of each RTCP report. `socket_directory` is that of the workers' sockets, by default that of
    temporary files. Sound files are brought to `loudness_lufs`.
    A direction whose opinion score falls below `poor_mos` gives QualityChanged, and again when it
    has reached `good_mos`; with 0 none is watched. `sound` is what is looked for in talks.
    """

    address: str
    ports: tuple[int, int]
    timeout_s: float = TIMEOUT_S
    silence_s: float = SILENCE_S
    quarantine_s: float = QUARANTINE_S
    orphan_s: float = ORPHAN_S
    dscp: int = EXPEDITED_FORWARDING
    tells_rtcp: bool = False
    socket_directory: str = ""
    loudness_lufs: float = LOUDNESS_LUFS
    poor_mos: float = 0.0
    good_mos: float = 0.0
    sound: SoundSettings = field(default_factory=SoundSettings)
    sleep_s: float = 0.0
