"""Speech synthesis: text to WAV files, kept in a directory so that nothing is spoken twice."""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
import unicodedata
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from .espeak import MAX_RATE_WPM, MIN_RATE_WPM, NoSuchVoice, SpeechError
from .speech_command import SpeechCommand
from .speech_pool import Sound, pool

log = structlog.get_logger()

__all__ = ["NoSuchVoice", "SpeechError", "Synthesizer"]

MAX_TEXT_CHARACTERS: Final = 2000
MAX_DURATION_S: Final = 300.0
CACHE_BYTES: Final = 256 * 1024 * 1024
DEFAULT_RATE_WPM: Final = 160

COMMAND_REST_S: Final = 30.0
"""How long a command that has failed is not tried again."""

_SAMPLE_BYTES = 2
_MIN_DURATION_S = 0.1  # what has no words gives some 10 ms of nothing
_CACHED = re.compile(r"[0-9a-f]{64}\.wav")
_UNFINISHED = re.compile(r"\.speech-.*\.wav")
_UNFINISHED_AGE_S = 600.0
# The directory, within the other, of what is not kept.
_PERSONAL = "personal"


class Synthesizer:
    """Speaks plain text in one voice at one rate; all methods block and are safe in threads.

    `voice` is a language tag ("en-gb", "ru"), or a voice's name in espeak-ng. SpeechError for a
    rate out of range at once; for a voice that there is not, at `prepare` or the first text.
    With `command` that speaks; `voice` is whatever it takes for one. Where it fails, espeak-ng
    speaks in its place for a while, unless it is not to.
    What was not said for `max_age_s`, and what is over `max_cache_bytes`, is deleted.
    """

    def __init__(
        self,
        cache_dir: Path | str,
        *,
        voice: str = "en-gb",
        rate_wpm: int = DEFAULT_RATE_WPM,
        max_cache_bytes: int = CACHE_BYTES,
        max_age_s: float | None = None,
        command: SpeechCommand | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not MIN_RATE_WPM <= rate_wpm <= MAX_RATE_WPM:
            raise SpeechError(
                f"{rate_wpm} words a minute is not between {MIN_RATE_WPM} and {MAX_RATE_WPM}"
            )
        self.cache_dir = Path(cache_dir)
        self.voice = voice
        self.rate_wpm = rate_wpm
        self._max_cache_bytes = max_cache_bytes
        self._max_age_s = max_age_s
        self._command = command
        self._rests_until = 0.0
        self._clock = clock
        self._under_way: set[Path] = set()
        self._changed = threading.Condition()

    def prepare(self) -> None:
        """Start a process that speaks and look for the voice now rather than at the first text."""
        if self._command is None:
            pool.look_for(self.voice)
        with contextlib.suppress(FileNotFoundError), self._changed:
            self._trim(None)
        shutil.rmtree(self.cache_dir / _PERSONAL, ignore_errors=True)

    def close(self) -> None:
        """End the processes that speak and are idle. The next text starts one again."""
        pool.close()

    def look_for(self, voice: str) -> None:
        """Raises NoSuchVoice where there is no voice of this name, or SpeechError."""
        pool.look_for(voice)

    def rate_at(self, speed: float) -> int:
        """The words a minute of a speed: a factor, or those words themselves.

        They are within the range that there is.
        """
        rate_wpm = speed if speed >= MIN_RATE_WPM else speed * self.rate_wpm
        return round(min(max(rate_wpm, MIN_RATE_WPM), MAX_RATE_WPM))

    def prompt(
        self, text: str, *, voice: str = "", speed: float = 1.0, is_kept: bool = True
    ) -> Path:
        """A WAV file that says `text`, from the cache directory, spoken now if it is not there.

        In `voice`, else in that of the synthesizer; `speed` as for `rate_at`.
        A text that is not to be kept has its file in a directory of its own. The caller deletes
        it; `prepare` deletes what an earlier engine left.

        Raises SpeechError: no words, too long, no such voice, the directory cannot be written.
        """
        words, voice, rate_wpm = _plain(text), voice or self.voice, self.rate_at(speed)
        command = self._command
        if command is not None and time.monotonic() >= self._rests_until:
            name = self._name(command.identity, words, voice, rate_wpm)
            try:
                return self._prompt(
                    name, lambda path: self._command_speaks(path, words, voice, rate_wpm), is_kept
                )
            except SpeechError as error:
                if not command.falls_back:
                    raise
                self._rests_until = time.monotonic() + COMMAND_REST_S
                log.error("speech_command_failed", reason=error.reason, rests_s=COMMAND_REST_S)
        name = self._name("", words, voice, rate_wpm)
        return self._prompt(
            name, lambda path: _write_wave(path, self._speak(words, voice, rate_wpm)), is_kept
        )

    def _prompt(self, name: str, speak: Callable[[str], None], is_kept: bool) -> Path:
        """The file of this name, from the cache or as `speak` writes it. Raises SpeechError."""
        path = (self.cache_dir if is_kept else self.cache_dir / _PERSONAL) / name
        with self._changed:  # who asks for the same text meanwhile finds it spoken
            self._changed.wait_for(lambda: path not in self._under_way)
            if _is_there(path):
                return path
            self._under_way.add(path)
        try:
            self._write(speak, path)
        finally:
            with self._changed:
                self._under_way.remove(path)
                self._changed.notify_all()
        if is_kept:
            with self._changed:
                self._trim(path)
        return path

    def _name(self, command: str, words: str, voice: str, rate_wpm: int) -> str:
        identity = f"{voice.lower()}\0{rate_wpm}\0{words}"
        if command:
            identity = f"{command}\0{identity}"
        return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest() + ".wav"

    def _speak(self, words: str, voice: str, rate_wpm: int) -> Sound:
        sound = pool.speak(words, voice=voice, rate_wpm=rate_wpm, max_duration_s=MAX_DURATION_S)
        if len(sound.samples) < _MIN_DURATION_S * _SAMPLE_BYTES * sound.rate_hz:
            raise SpeechError("the text has no words to speak")
        return sound

    def _command_speaks(self, path: str, words: str, voice: str, rate_wpm: int) -> None:
        assert self._command is not None
        speed = rate_wpm / self.rate_wpm
        self._command.speak(words, path, language=voice, rate_wpm=rate_wpm, speed=speed)

    def _write(self, speak: Callable[[str], None], path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, unfinished = tempfile.mkstemp(
                prefix=".speech-", suffix=".wav", dir=path.parent
            )
            os.close(descriptor)
            try:
                speak(unfinished)
                os.replace(unfinished, path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(unfinished)
                raise
        except OSError as error:
            raise SpeechError(f"{path}: {error.strerror}") from error

    def _trim(self, newest: Path | None) -> None:
        """Remove what is too old, and the longest unused files until the rest is within bounds."""
        oldest = None if self._max_age_s is None else self._clock() - self._max_age_s
        kept: list[tuple[float, int, str]] = []
        with os.scandir(self.cache_dir) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process trims too
                    status = entry.stat(follow_symlinks=False)
                    if _CACHED.fullmatch(entry.name):
                        kept.append((status.st_mtime, status.st_size, entry.path))
                    elif (
                        _UNFINISHED.fullmatch(entry.name)
                        and time.time() - status.st_mtime > _UNFINISHED_AGE_S
                    ):
                        os.unlink(entry.path)
        kept.sort()
        total = sum(size for _, size, _ in kept)
        for used_at, size, path in kept:
            if total <= self._max_cache_bytes and (oldest is None or used_at >= oldest):
                break
            if path != str(newest):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                total -= size


def _write_wave(path: str, spoken: Sound) -> None:
    with open(path, "wb") as raw, wave.open(raw, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(_SAMPLE_BYTES)
        sound.setframerate(spoken.rate_hz)
        sound.writeframes(spoken.samples)


def _is_there(path: Path) -> bool:
    try:
        os.utime(path)  # what is used stays longest
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SpeechError(f"{path}: {error.strerror}") from error
    return True


def _plain(text: str) -> str:
    """The text without control characters, which espeak-ng takes for commands."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise SpeechError(f"the text has {len(text)} characters, more than {MAX_TEXT_CHARACTERS}")
    words = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    words = " ".join(words.split())
    if not words:
        raise SpeechError("the text is empty")
    return words
