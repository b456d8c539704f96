"""The processes that speak, as the engine sees them: a few, started when first needed.

Whatever a text does to libespeak-ng, it ends one of these processes and costs that text alone.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .espeak import NoSuchVoice, SpeechError
from .speech_process import FAILED, NO_VOICE, REQUEST, RESPONSE, SOUND

PROCESSES: Final = 2
SPEAK_LIMIT_S: Final = 10.0
# A process is replaced after this many texts, as one of them may have damaged it unseen.
TEXTS_EACH: Final = 500

_ROOT = Path(__file__).resolve().parents[2]
_HIGHEST_RATE_HZ = 48_000
_LONGEST_REASON = 4096
_READ_BYTES = 1 << 18


class SpeechProcessDied(SpeechError):
    """The process ended while it spoke, or has to be ended."""


class SpeechTimedOut(SpeechProcessDied):
    """The process did not get ready in time."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What was spoken: int16 samples in the machine's order, at `rate_hz`."""

    samples: bytes
    rate_hz: int


class _SpeechProcess:
    """One process; used by one thread at a time."""

    def __init__(self) -> None:
        self.texts = 0
        try:
            # Nothing of the engine's: neither its files, nor its environment with tokens in it.
            # -S: what site would find is in the path already.
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-P", "-B", "-m", "media.sound.speech_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={"PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)])},
                start_new_session=True,  # a Ctrl-C at the terminal is the engine's to answer
            )
        except OSError as error:
            raise SpeechError(f"the process that speaks cannot start: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)

    def ask(self, voice: str, text: str, rate_wpm: int, max_duration_s: float) -> Sound:
        """Speak `text`, or look for the voice where it is empty. Raises SpeechError.

        After SpeechProcessDied the process must not be used again.
        """
        self.texts += 1
        name, words = voice.encode("utf-8", "replace"), text.encode("utf-8", "replace")
        if len(name) > 0xFFFF:
            raise NoSuchVoice("no voice has a name as long as that")
        deadline = time.monotonic() + SPEAK_LIMIT_S
        request = REQUEST.pack(len(name), rate_wpm, max_duration_s, len(words)) + name + words
        try:
            self._write(request, deadline)
            word, rate_hz, length = RESPONSE.unpack(self._read(RESPONSE.size, deadline))
            most = _LONGEST_REASON if word != SOUND else 2 * (int(max_duration_s) + 1) * rate_hz
            is_known = word in (SOUND, NO_VOICE, FAILED) and rate_hz <= _HIGHEST_RATE_HZ
            if not is_known or length > most or (word == SOUND and length % 2):
                raise SpeechProcessDied("the process that speaks has answered nonsense")
            body = self._read(length, deadline)
        except OSError as error:
            raise SpeechProcessDied("the process that speaks has died of this text") from error
        if word == SOUND:
            return Sound(body, rate_hz)
        reason = body.decode(errors="replace")
        raise NoSuchVoice(reason) if word == NO_VOICE else SpeechError(reason)

    def close(self) -> None:
        """End the process, whatever it does. Idempotent."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._stdin.close()
        self._stdout.close()
        self._process.wait()

    def _write(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._stdin.fileno(), select.POLLOUT, deadline)
            left = left[os.write(self._stdin.fileno(), left[:4096]) :]

    def _read(self, length: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < length:
            self._wait(self._stdout.fileno(), select.POLLIN, deadline)
            piece = os.read(self._stdout.fileno(), min(_READ_BYTES, length - len(data)))
            if not piece:
                raise SpeechProcessDied("the process that speaks has died of this text")
            data += piece
        return bytes(data)

    def _wait(self, fd: int, events: int, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        poll = select.poll()
        poll.register(fd, events)
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise SpeechTimedOut(f"speaking it takes over {SPEAK_LIMIT_S:g} s")


class SpeechPool:
    """At most PROCESSES of them; a text waits for one that is free. Safe in threads."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[_SpeechProcess] = []

    def look_for(self, voice: str) -> None:
        """Raises NoSuchVoice, SpeechError."""
        self._ask(voice, "", 0, 0.0)

    def speak(self, text: str, *, voice: str, rate_wpm: int, max_duration_s: float) -> Sound:
        """Speak plain text; blocks. Raises SpeechError, also when the process dies of it."""
        return self._ask(voice, text, rate_wpm, max_duration_s)

    def close(self) -> None:
        """End the processes that are idle; one is started again at the next text."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()

    def _ask(self, voice: str, text: str, rate_wpm: int, max_duration_s: float) -> Sound:
        with self._free:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is not None:
                try:
                    return self._ask_of(process, voice, text, rate_wpm, max_duration_s)
                except SpeechTimedOut:
                    raise
                except SpeechProcessDied:
                    # An earlier text may have damaged it: this one has a process of its own.
                    pass
            return self._ask_of(_SpeechProcess(), voice, text, rate_wpm, max_duration_s)

    def _ask_of(
        self, process: _SpeechProcess, voice: str, text: str, rate_wpm: int, max_duration_s: float
    ) -> Sound:
        is_alive = False
        try:
            sound = process.ask(voice, text, rate_wpm, max_duration_s)
            is_alive = True
            return sound
        except SpeechProcessDied:
            raise
        except SpeechError:
            is_alive = True
            raise
        finally:
            if is_alive and process.texts < TEXTS_EACH:
                with self._lock:
                    self._idle.append(process)
            else:
                process.close()


pool: Final = SpeechPool()
