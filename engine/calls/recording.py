"""The recording of one call: stereo, the agent on the left, the customer on the right."""

from collections.abc import Callable

import structlog

from media.errors import MediaError

from .leg import Leg
from .services import CallServices

log = structlog.get_logger()


class Recording:
    """Records two joined legs into a file named after the call.

    `on_path` is called with the path of the file once it is there, and with None when the
    recording has failed: no client hears of a file that lacks what was said.
    """

    def __init__(
        self,
        call_id: str,
        services: CallServices,
        publish: Callable[..., None],
        on_path: Callable[[str | None], None],
    ) -> None:
        self._path = services.recordings / f"{call_id}.wav"
        self._media = services.media
        self._under_way = services.registry.recordings
        self._publish = publish
        self._on_path = on_path
        self._agent = ""

    @property
    def _key(self) -> str:
        """The path as the media worker has it."""
        return str(self._path.absolute())

    async def start(self, agent: Leg, customer: Leg) -> None:
        """Begin. A call that cannot be recorded goes on, and `recording.failed` says why."""
        try:
            await self._media.record(agent.id, customer.id, self._key)
        except MediaError as error:
            self._fail(str(error))
            return
        self._agent = agent.id
        self._under_way[self._key] = self.failed
        self._publish("recording.started", path=str(self._path))
        self._on_path(str(self._path))

    async def stop(self) -> None:
        """End it. The file is complete when `recording.ended` is published."""
        if self._under_way.pop(self._key, None) is None:
            return
        try:
            await self._media.stop_recording(self._agent)
        except MediaError as error:
            self._fail(str(error))
        else:
            self._publish("recording.ended", path=str(self._path))

    def failed(self, reason: str) -> None:
        """The media worker could not write on: the recording is over. The call goes on."""
        if self._under_way.pop(self._key, None) is not None:
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        log.error("recording_failed", path=str(self._path), reason=reason)
        self._publish("recording.failed", path=str(self._path), reason=reason)
        self._on_path(None)
