"""What is looked for in the sound of two who talk."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

OneWayCause: TypeAlias = Literal["no_packets", "digital_silence"]
"""Nothing comes from a party; or what comes has no sound in it, not even noise."""


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """The sound of each party is looked at for `window_s` every `every_s` (0: never).

    A party that is spoken to and of which nothing is heard for `one_way_s` gives OneWayAudio, one
    of whose samples at least `clipped_share` are at full scale SoundClipped, and one from which
    comes back what it hears, by no more than `echo_db` softer, EchoHeard; with 0 none does. With
    `voice` all its sound is looked at, and VoiceChanged says when it begins to speak and stops.
    """

    every_s: float = 0.0
    window_s: float = 2.0
    one_way_s: float = 15.0
    clipped_share: float = 0.005
    echo_db: float = -30.0
    voice: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether anything is looked at."""
        return self.voice or self.every_s > 0
