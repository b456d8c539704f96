"""A message that a party leaves: a tone, and what they say until a key, a time or the end."""

import asyncio
from typing import Any, Final, Protocol

from media.sources import Silence, Tone

from ...errors import EngineError
from ...recordings.entry import RecordingEntry, RecordingOrder, Side
from ...scripts.actions import Record
from ..call import Call
from ..call_legs import within_report_limit
from ..cancel_scope import KeyPressed, until_key
from ..leg import Leg
from ..recording.recording import CallRecording
from ..services import CallServices

BEEP: Final = Tone("1000/400")
SHORTEST_S: Final = 1.0
"""What is shorter is no message."""


class VoicemailHost(Protocol):
    """The call flow whose party leaves the message."""

    @property
    def call(self) -> Call:
        """The call."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    async def message_left(self, recording: str, duration_s: float, wanted: Record, /) -> None:
        """A message was recorded. Raises EngineError."""


class Voicemail:
    """Takes one message of the party of `leg`. `take`, and `finish` whatever became of it."""

    def __init__(
        self, services: CallServices, host: VoicemailHost, leg: Leg, wanted: Record
    ) -> None:
        self._host = host
        self._leg = leg
        self._wanted = wanted
        self._recording = CallRecording(host.call, services, self)
        self._entry: RecordingEntry | None = None

    async def record_message(self) -> None:
        """Record until the party is done. Raises EngineError where nothing can be recorded."""
        leg, wanted = self._leg, self._wanted
        await leg.play(BEEP, limit_s=5.0)
        leg.hear(Silence())
        await self._recording.start(RecordingOrder(side="customer"))
        self._entry = self._recording.entry
        if self._entry is None:
            raise EngineError("unavailable", "the message cannot be recorded")
        try:
            async with asyncio.timeout(wanted.max_s), until_key(leg, wanted.terminator):
                await asyncio.get_running_loop().create_future()
        except (KeyPressed, TimeoutError):
            return

    async def finish(self) -> None:
        """End the recording, and tell of the message where there is one. Raises EngineError."""
        entry = self._entry or self._recording.entry
        if entry is None:
            return
        await within_report_limit(self._host.call, self._recording.stop())
        if entry.duration_s is None or entry.duration_s < SHORTEST_S:
            raise EngineError("unavailable", "nothing was said")
        await self._host.message_left(entry.id, entry.duration_s, self._wanted)

    # -- what is recorded -----------------------------------------------------------------------

    def recorded_legs(self, _side: Side) -> tuple[Leg, Leg | None]:
        """The party alone."""
        return self._leg, None

    def listeners(self) -> tuple[Leg, ...]:
        """Nobody has to be told that they are recorded: the party knows."""
        return ()

    def hear_again(self) -> None:
        """Nothing was heard in the place of anything."""

    def on_recording(self, path: str | None) -> None:
        """The recording of a message is not that of a talk."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""
        self._host.publish(kind, **fields)
