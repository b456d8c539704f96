"""The whisper: what the agent alone hears before they talk to the customer.

Speech is synthesised in a thread while the agent's phone still rings, and kept for the next call
that says the same.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from media.sound import tones
from media.sound.prompts import PromptError, check_prompt
from media.sound.speech import SpeechError, Synthesizer
from media.sound.speech_pool import PROCESSES
from media.sources import Prompt, Source, Tone

from ..errors import EngineError
from ..job import Job
from .templates import Subject, fill

log = structlog.get_logger()

PREPARE_LIMIT_S = 10.0
PLAY_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """A whisper ready to be played, for `limit_s` at most."""

    source: Source
    limit_s: float = PLAY_LIMIT_S


@dataclass(frozen=True, slots=True)
class Unspoken:
    """A whisper that could not be spoken, and why."""

    reason: str


Whisper = Announcement | Unspoken | None


class Announcer:
    """Checks the whispers of requests, and has each ready when the agent answers."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self._synthesizer = synthesizer
        # As many threads as there are processes that speak.
        self._threads = ThreadPoolExecutor(PROCESSES, thread_name_prefix="speech")

    def check(self, whisper: Mapping[str, Any] | None) -> None:
        """Raise EngineError `refused`, naming the field, where the whisper cannot be played."""
        if whisper is None:
            return
        try:
            if "file" in whisper:
                check_prompt(whisper["file"])
            elif "tone" in whisper:
                tones.parse(whisper["tone"])
        except PromptError as error:
            raise EngineError("refused", str(error), field="whisper.file") from error
        except tones.ToneError as error:
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
            return asyncio.ensure_future(self.speak(text))
        ready: asyncio.Future[Whisper] = loop.create_future()
        source = None if whisper is None else _source(whisper)
        ready.set_result(None if source is None else Announcement(source))
        return ready

    async def speak(self, text: str) -> Announcement | Unspoken:
        """Speak `text`, ready to be played. Where that fails, it is logged."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PREPARE_LIMIT_S):
                path = await loop.run_in_executor(self._threads, self._synthesizer.prompt, text)
        except (SpeechError, TimeoutError) as error:
            # A callback without its announcement is better than none.
            reason = str(error) or f"speaking it takes over {PREPARE_LIMIT_S:g} s"
            log.error("whisper_failed", reason=reason)
            return Unspoken(reason)
        return Announcement(Prompt(str(path)))

    def close(self) -> None:
        """Give the threads and the processes that speak back."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._synthesizer.close()


def _source(whisper: Mapping[str, Any]) -> Source | None:
    if "file" in whisper:
        return Prompt(str(Path(whisper["file"]).resolve()))
    if "tone" in whisper:
        return Tone(str(whisper["tone"]))
    return None
