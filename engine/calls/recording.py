"""The recording of one call: stereo, the agent on the left, the customer on the right."""

from collections.abc import Callable

import structlog

from media.errors import MediaError

from .leg import Leg
from .services import CallServices

log = structlog.get_logger()


class Recording:
    """Records two joined legs into a file named after the call."""

    def __init__(self, call_id: str, services: CallServices, publish: Callable[..., None]) -> None:
        self._path = services.recordings / f"{call_id}.wav"
        self._media = services.media
        self._publish = publish
        self._agent = ""
        self._started = False

    async def start(self, agent: Leg, customer: Leg) -> str | None:
        """Begin. Returns the path of the file, None where it cannot be written.

        A call that cannot be recorded goes on, and `recording.failed` says why.
        """
        try:
            await self._media.record(agent.id, customer.id, str(self._path.absolute()))
        except MediaError as error:
            log.error("recording_failed", path=str(self._path), reason=str(error))
            self._publish("recording.failed", path=str(self._path), reason=str(error))
            return None
        self._agent = agent.id
        self._started = True
        self._publish("recording.started", path=str(self._path))
        return str(self._path)

    async def stop(self) -> None:
        """End it. The file is complete when `recording.ended` is published."""
        if not self._started:
            return
        self._started = False
        try:
            await self._media.stop_recording(self._agent)
        except MediaError as error:
            log.error("recording_failed", path=str(self._path), reason=str(error))
            self._publish("recording.failed", path=str(self._path), reason=str(error))
        else:
            self._publish("recording.ended", path=str(self._path))
