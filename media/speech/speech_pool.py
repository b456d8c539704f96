"""The processes that speak, as the engine sees them: a few, started when first needed.

Whatever a text does to libespeak-ng, it ends one of these processes and costs that text alone.
"""

import time
from dataclasses import dataclass
from typing import Final

from ..sound.confined_process import ConfinedPool, ConfinedProcess, ProcessDied, ProcessTimedOut
from .espeak import NoSuchVoice, SpeechError
from .speech_process import FAILED, NO_VOICE, REQUEST, RESPONSE, SOUND

PROCESSES: Final = 2
SPEAK_LIMIT_S: Final = 10.0
TEXTS_EACH: Final = 500

_HIGHEST_RATE_HZ = 48_000
_LONGEST_REASON = 4096

_Answer = tuple[bytes, int, bytes]


@dataclass(frozen=True, slots=True)
class Sound:
    """What was spoken: int16 samples in the machine's order, at `rate_hz`."""

    samples: bytes
    rate_hz: int


class SpeechPool:
    """At most PROCESSES of them; a text waits for one that is free. Safe in threads."""

    def __init__(self) -> None:
        self.processes = ConfinedPool(
            "media.speech.speech_process", processes=PROCESSES, uses_each=TEXTS_EACH
        )

    def look_for(self, voice: str) -> None:
        """Raises NoSuchVoice, SpeechError."""
        self._ask(voice, "", 0, 0.0)

    def speak(self, text: str, *, voice: str, rate_wpm: int, max_duration_s: float) -> Sound:
        """Speak plain text; blocks. Raises SpeechError, also when the process dies of it."""
        return self._ask(voice, text, rate_wpm, max_duration_s)

    def close(self) -> None:
        """End the processes that are idle; one is started again at the next text."""
        self.processes.close()

    def _ask(self, voice: str, text: str, rate_wpm: int, max_duration_s: float) -> Sound:
        name, words = voice.encode("utf-8", "replace"), text.encode("utf-8", "replace")
        if len(name) > 0xFFFF:
            raise NoSuchVoice("no voice has a name as long as that")
        request = REQUEST.pack(len(name), rate_wpm, max_duration_s, len(words)) + name + words
        try:
            word, rate_hz, body = self.processes.run(
                lambda process: _answer(process, request, max_duration_s)
            )
        except ProcessTimedOut as error:
            raise SpeechError(f"speaking it takes over {SPEAK_LIMIT_S:g} s") from error
        except ProcessDied as error:
            reason = str(error) or "the process that speaks has died of this text"
            raise SpeechError(reason) from error
        except OSError as error:
            raise SpeechError(f"the process that speaks cannot start: {error.strerror}") from error
        if word == SOUND:
            return Sound(body, rate_hz)
        reason = body.decode(errors="replace")
        raise NoSuchVoice(reason) if word == NO_VOICE else SpeechError(reason)


def _answer(process: ConfinedProcess, request: bytes, max_duration_s: float) -> _Answer:
    deadline = time.monotonic() + SPEAK_LIMIT_S
    process.send(request, deadline)
    word, rate_hz, length = RESPONSE.unpack(process.receive(RESPONSE.size, deadline))
    most = _LONGEST_REASON if word != SOUND else 2 * (int(max_duration_s) + 1) * rate_hz
    is_known = word in (SOUND, NO_VOICE, FAILED) and rate_hz <= _HIGHEST_RATE_HZ
    if not is_known or length > most or (word == SOUND and length % 2):
        raise ProcessDied("the process that speaks has answered nonsense")
    return word, rate_hz, process.receive(length, deadline)


pool: Final = SpeechPool()
