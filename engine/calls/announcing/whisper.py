"""The whisper: what the agent alone hears before they talk to the customer.

Speech is synthesised in a thread while the agent's phone still rings, and kept for the next call
that says the same.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from config.spoken import split_voice
from media.sound.prompt_files import close_processes
from media.sound.tones import tone_spec
from media.sources import Prompt, Source, Tone
from media.speech.speech_pool import PROCESSES
from media.speech.synthesizer import SpeechError, Synthesizer

from ...errors import EngineError
from ...job import Job
from ..templates import Subject, fill
from .sound_files import NoSound, SoundFiles

log = structlog.get_logger()

PREPARE_LIMIT_S = 10.0
PLAY_LIMIT_S = 60.0
# A whisper about a person is kept this long after its last use, for another call that needs it.
LINGER_S = 60.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """A whisper ready to be played, for `limit_s` at most."""

    source: Source
    limit_s: float = PLAY_LIMIT_S
    is_personal: bool = False
    """It says something of a person: its file goes with the attempt, see Announcer.discard."""


@dataclass(frozen=True, slots=True)
class Unspoken:
    """A whisper that could not be spoken, and why."""

    reason: str


Whisper = Announcement | Unspoken | None


class Announcer:
    """Checks the whispers of requests, and has each ready when the agent answers.

    `sounds` has the files that may be named.
    """

    def __init__(self, synthesizer: Synthesizer, sounds: SoundFiles | None = None) -> None:
        self._synthesizer = synthesizer
        self.sounds = sounds or SoundFiles()
        # As many threads as there are processes that speak.
        self._users: Counter[Path] = Counter()
        self._threads = ThreadPoolExecutor(PROCESSES, thread_name_prefix="speech")

    async def inspect(self, file: str) -> None:
        """Look at the sound file of a whisper, for `check`."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self.sounds.inspect, file)

    def check(self, whisper: Mapping[str, Any] | None) -> None:
        """Raise EngineError `refused`, naming the field, where the whisper cannot be played.

        What is in its file is known once it was inspected.
        """
        if whisper is None:
            return
        try:
            if "file" in whisper:
                self.sounds.check(whisper["file"])
            elif "tone" in whisper:
                tone_spec.parse(whisper["tone"])
        except NoSound as error:
            raise EngineError("refused", str(error), field="whisper.file") from error
        except tone_spec.ToneError as error:
            raise EngineError("refused", str(error), field="whisper.tone") from error

    def prepare(self, job: Job) -> "asyncio.Future[Whisper]":
        """Begin to prepare a job's whisper. The result is None where it has none."""
        whisper = job.request.whisper
        loop = asyncio.get_running_loop()
        text = None
        if whisper is not None:
            template = whisper.get("template")
            text = fill(template, Subject.of(job)) if template else whisper.get("text")
            if text:
                is_personal = not template or text != template
                return asyncio.ensure_future(self.speak(text, is_personal=is_personal))
        ready: asyncio.Future[Whisper] = loop.create_future()
        ready.set_result(None if whisper is None else self._of_source(whisper))
        return ready

    def _of_source(self, whisper: Mapping[str, Any]) -> Whisper:
        """A whisper that is not spoken. The file may have gone since it was checked."""
        if "tone" in whisper:
            return Announcement(Tone(str(whisper["tone"])))
        if "file" not in whisper:
            return None
        try:
            return Announcement(Prompt(str(self.sounds.requested(whisper["file"]))))
        except NoSound as error:
            log.error("whisper_failed", reason=str(error))
            return Unspoken(str(error))

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
    ) -> Announcement | Unspoken:
        """Speak `text`, ready to be played. Where that fails, it is logged.

        It is spoken in the voice that it names itself, else in `voice`, else in that of the
        configuration; `speed` as Synthesizer.rate_at takes it. What `is_personal` is not kept for
        another call: `discard` or `forget` it.
        """
        own_voice, words = split_voice(text)
        prompt = partial(
            self._synthesizer.prompt,
            words,
            voice=own_voice or voice,
            speed=speed,
            is_kept=not is_personal,
        )
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PREPARE_LIMIT_S):
                path = await loop.run_in_executor(self._threads, prompt)
        except (SpeechError, TimeoutError) as error:
            # A callback without its announcement is better than none.
            reason = str(error) or f"speaking it takes over {PREPARE_LIMIT_S:g} s"
            log.error("whisper_failed", reason=reason)
            return Unspoken(reason)
        if is_personal:
            self._users[path] += 1
        return Announcement(Prompt(str(path)), is_personal=is_personal)

    def speak_beforehand(self, text: str, voice: str = "") -> None:
        """Speak `text` in a thread, so that it is there at once for the first who hears it.

        Where that fails, the first who is to hear it says so.
        """
        own_voice, words = split_voice(text)
        self._threads.submit(self._synthesizer.prompt, words, voice=own_voice or voice)

    def discard(self, whisper: "asyncio.Future[Whisper]") -> None:
        """The attempt is over: cancel its whisper.

        What it says of a person is deleted LINGER_S later, unless another whisper says the same.
        """
        if not whisper.done():
            whisper.cancel()
        elif not whisper.cancelled() and whisper.exception() is None:
            spoken = whisper.result()
            if isinstance(spoken, Announcement):
                self.forget(spoken)

    def forget(self, spoken: Announcement) -> None:
        """It is heard no more. What it says of a person is deleted LINGER_S later."""
        if spoken.is_personal:
            assert isinstance(spoken.source, Prompt)
            path = Path(spoken.source.path)
            self._users[path] -= 1
            asyncio.get_running_loop().call_later(LINGER_S, self._delete_unused, path)

    def _delete_unused(self, path: Path) -> None:
        if self._users[path] <= 0:
            del self._users[path]
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the threads, and the processes that speak and that read files, back."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._synthesizer.close()
        close_processes()
