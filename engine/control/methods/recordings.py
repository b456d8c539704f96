"""The methods about recordings: of a call that is up, and of what was recorded."""

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from config.sounds import FILE

from ...callbacks.dispatcher import Dispatcher
from ...calls.announcing.sound_files import NoSound, SoundFiles
from ...calls.call import Call, CallRegistry, RecordsCall
from ...errors import BadParams, EngineError
from ...recordings.entry import RecordingOrder, RecordingState, RecordingView
from ...recordings.library import RecordingLibrary
from ...request import Identifier, Params, WhisperSpec
from ..connections.peer import Peer
from ..method import Method
from ..params import CallRef
from .pages import Paged, page_of


class RecordingStart(CallRef):
    """recording.start: begin to record a call that is up. What is None is as configured."""

    format: Literal["wav", "flac", "ogg", "opus"] | None = None
    channels: Literal[1, 2] | None = None
    side: Literal["both", "agent", "customer"] = "both"
    announcement: Annotated[str, Meta(min_length=1, max_length=1000)] | WhisperSpec | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side != "both" and self.channels == 2:
            raise BadParams("channels", "one side has one channel")
        said = self.announcement
        if isinstance(said, WhisperSpec) and said.tone is not None:
            raise BadParams("announcement.tone", "a tone says nothing: give a text or a file")

    @property
    def said(self) -> str | None:
        """The announcement as a text, or `file:` and the name of a sound file."""
        said = self.announcement
        if not isinstance(said, WhisperSpec):
            return said
        return said.text if said.file is None else FILE + said.file


class RecordingPause(CallRef):
    """recording.pause, recording.resume: `reason` is kept with the mark."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class RecordingRef(Params):
    """recording.get, recording.delete."""

    recording: Identifier


class RecordingQuery(Paged):
    """recording.list: those for which all that is given holds, newest first."""

    call: Identifier | None = None
    job: Identifier | None = None
    site: Identifier | None = None
    queue: Identifier | None = None
    agent: Identifier | None = None
    state: RecordingState | None = None


class RecordingList(TypedDict):
    """recording.list."""

    recordings: list[RecordingView]
    """What was recorded, newest first."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class RecordingMethods:
    """What a client may do with recordings. `sounds` has the files that announcements may name."""

    def __init__(
        self,
        library: RecordingLibrary,
        registry: CallRegistry,
        dispatcher: Dispatcher,
        sounds: SoundFiles,
    ) -> None:
        self._library = library
        self._registry = registry
        self._dispatcher = dispatcher
        self._sounds = sounds

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "recording.start": Method(RecordingStart, self._start),
            "recording.stop": Method(CallRef, self._stop),
            "recording.pause": Method(RecordingPause, self._pause),
            "recording.resume": Method(RecordingPause, self._resume),
            "recording.list": Method(RecordingQuery, self._list, is_large=True),
            "recording.get": Method(RecordingRef, self._get),
            "recording.delete": Method(RecordingRef, self._delete),
        }

    async def _start(self, params: RecordingStart, _peer: Peer) -> RecordingView:
        recorded = self._recorded(params)
        announcement = params.said
        if announcement is not None and announcement.startswith(FILE):
            try:
                path = self._sounds.requested(announcement.removeprefix(FILE))
            except NoSound as error:
                raise EngineError("refused", str(error), field="announcement") from error
            announcement = f"{FILE}{path}"
        order = RecordingOrder(
            format=params.format,
            channels=params.channels,
            side=params.side,
            announcement=announcement,
        )
        return (await recorded.start_by_command(order)).view()

    async def _stop(self, params: CallRef, _peer: Peer) -> RecordingView:
        call = self._call(params)
        entry = await self._recorded(params).stop()
        if entry is None:
            raise EngineError("state", f"call {call.id} is not being recorded", field="call")
        return entry.view()

    async def _pause(self, params: RecordingPause, _peer: Peer) -> RecordingView:
        return (await self._recorded(params).pause(params.reason)).view()

    async def _resume(self, params: RecordingPause, _peer: Peer) -> RecordingView:
        return (await self._recorded(params).resume(params.reason)).view()

    async def _list(self, params: RecordingQuery, _peer: Peer) -> RecordingList:
        names = ("call", "job", "site", "queue", "agent", "state")
        wanted = {name: getattr(params, name) for name in names}
        found = await self._library.page(
            {name: value for name, value in wanted.items() if value is not None},
            limit=params.limit + 1,
            before=params.cursor,
        )
        page = await page_of(found, lambda entry: entry.view(), params.limit)
        return {"recordings": page.views, "cursor": None if page.last is None else page.last.id}

    def _get(self, params: RecordingRef, _peer: Peer) -> RecordingView:
        return self._library.find(params.recording).view()

    async def _delete(self, params: RecordingRef, peer: Peer) -> RecordingView:
        return (await self._library.delete(params.recording, peer.who or None)).view()

    def _recorded(self, params: CallRef) -> RecordsCall:
        call = self._call(params)
        owner = call.owner or self._dispatcher.callback_of(call.id)
        if owner is None:
            raise EngineError("state", f"call {call.id} is already over", field="call")
        return owner.recorded

    def _call(self, params: CallRef) -> Call:
        return self._registry.call_of(params.call, params.leg)
