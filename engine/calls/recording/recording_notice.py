"""The announcement that a call is recorded, and who has heard it."""

import asyncio
from collections.abc import Iterable
from typing import Final

from config.sounds import FILE
from media.sound.prompt_files import PromptError, check_prompt
from media.sources import Prompt

from ..announcing.whisper import Announcement, Announcer, Unspoken
from ..leg import Leg

ANNOUNCEMENT_LIMIT_S: Final = 60.0


class RecordingNotice:
    """What is said of one recording: a text, or `file:` and a path; "": nothing is to be said."""

    def __init__(self, text: str, announcer: Announcer) -> None:
        self._text = text
        self._announcer = announcer
        self._told: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be said."""
        return not self._text

    def is_due(self, leg: Leg) -> bool:
        """Whether the party of the leg has yet to hear it."""
        return not self.is_empty and leg.id not in self._told

    async def give(self, legs: Iterable[Leg]) -> str | None:
        """Let each party hear it that has not. None; or why one has not heard it to its end."""
        due = [leg for leg in legs if self.is_due(leg)]
        if not due:
            return None
        spoken = await self._spoken()
        if isinstance(spoken, Unspoken):
            return f"the announcement cannot be spoken: {spoken.reason}"
        heard = await asyncio.gather(
            *(leg.play(spoken.source, limit_s=spoken.limit_s) for leg in due)
        )
        self._told |= {leg.id for leg, has_heard in zip(due, heard, strict=True) if has_heard}
        return None if all(heard) else "the announcement was not heard to its end"

    async def _spoken(self) -> Announcement | Unspoken:
        if not self._text.startswith(FILE):
            return await self._announcer.speak(self._text)
        path = self._announcer.sounds.configured(self._text.removeprefix(FILE))
        try:  # what was cut off meanwhile would be heard as far as it goes
            await asyncio.to_thread(check_prompt, str(path))
        except PromptError as error:
            return Unspoken(str(error))
        return Announcement(Prompt(str(path)), ANNOUNCEMENT_LIMIT_S)
