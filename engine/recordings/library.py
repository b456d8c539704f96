"""Every recording that is known: begun, completed, moved, listed and deleted here.

An entry is stored as it changes, so that the next engine completes what this one could not, and
goes on with what was to be moved.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from config.recording import Recording as RecordingSettings
from config.recording import RecordingFormat

from ..errors import EngineError
from ..store import recording_files
from ..store.event_log import EventLog
from ..store.store import Store
from .entry import Channels, RecordedCall, RecordingEntry, Side
from .file_names import free_path, relative_name
from .finishing import NotFinished, finish, measure
from .moving import NotMoved, command_of, move, retry_s

log = structlog.get_logger()

STORED_AS: Final = "recording"
_MOVED_AS: Final = "moved_recording"
"""The name of a file that was moved, and may be there still: no other gets it."""
_ENCODED_AT_ONCE: Final = 1
_BODIES: Final = f"SELECT body FROM documents WHERE kind = '{STORED_AS}'"

Publish = Callable[..., None]


class RecordingLibrary:
    """The recordings in `directory`. `zone` is that of the dates in the names of files.

    None: that of the machine.
    """

    def __init__(
        self,
        store: Store,
        events: EventLog,
        directory: Path,
        settings: RecordingSettings | None = None,
        *,
        zone: tzinfo | None = UTC,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._events = events
        self.directory = directory
        self.settings = settings or RecordingSettings()
        self._zone = zone
        self._clock = clock
        self._open: dict[str, RecordingEntry] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._encoding = asyncio.Semaphore(_ENCODED_AT_ONCE)
        self._moving = asyncio.Semaphore(1)

    def configure(self, settings: RecordingSettings, zone: tzinfo | None) -> None:
        """Go by these settings from now on; what is to be moved is moved by the new command."""
        self.settings, self._zone = settings, zone
        for entry in tuple(self._open.values()):
            task = self._tasks.get(_moving_task(entry))
            if entry.state == "moving" and (task is None or task.done()):
                self._spawn(_moving_task(entry), self._move(entry))

    async def start(self) -> None:
        """Complete what an engine that died left behind, and go on moving. Raises StoreError."""
        rows = await self._store.query(
            f"{_BODIES} AND json_extract(CAST(body AS TEXT), '$.state')"
            " IN ('recording', 'finishing', 'moving')"
        )
        for (body,) in rows:
            entry = msgspec.json.decode(body, type=RecordingEntry)
            self._open[entry.id] = entry
            if entry.state == "moving":
                self._spawn(_moving_task(entry), self._move(entry))
            else:
                entry.reason = entry.reason or "engine restarted"
                self._spawn(entry.id, self._finish(entry, self._publish_of(entry)))

    async def stop(self) -> None:
        """Break off what is under way: the next engine goes on with it."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # -- from the beginning of one to its end -----------------------------------------------

    def begin(
        self,
        call: RecordedCall,
        *,
        format: RecordingFormat | None = None,
        channels: Channels | None = None,
        side: Side = "both",
    ) -> RecordingEntry:
        """A new recording of `call`, in a file that is not there yet. Store it by `save`.

        Raises OSError where the directory cannot be read, StoreError.
        """
        settings, now = self.settings, self._clock()
        id = f"rec-{round(now * 1000):012x}-{call.call.removeprefix('call-')[:16]}"
        number = 1
        while id in self._open:
            number += 1
            id = f"rec-{round(now * 1000):012x}-{call.call.removeprefix('call-')[:16]}-{number}"
        ending = format or settings.format
        name = relative_name(settings.name, id, call, now, self._zone)
        taken = {text for one in self._open.values() for text in (one.path, str(one.written))}

        def is_taken(path: str) -> bool:
            return path in taken or self._store.document(_MOVED_AS, path, object) is not None

        entry = RecordingEntry(
            id=id,
            call=call.call,
            job=call.job,
            site=call.site,
            queue=call.queue,
            agent=call.agent,
            path=str(free_path(self.directory, name, ending, is_taken)),
            format=ending,
            channels=1 if side != "both" else channels or _channels(settings.channels),
            side=side,
            started=now,
        )
        self._open[id] = entry
        return entry

    def save(self, entry: RecordingEntry) -> None:
        """Store it as it is now."""
        self._store.put(STORED_AS, entry.id, entry)

    def ended(self, entry: RecordingEntry, duration_s: float, publish: Publish) -> None:
        """The media worker has written the last of it: complete the file, and publish its end."""
        if entry.state != "recording":
            return
        entry.state, entry.ended, entry.duration_s = "finishing", self._clock(), duration_s
        self.save(entry)
        self._spawn(entry.id, self._finish(entry, publish))

    async def completed(self, entry: RecordingEntry) -> None:
        """Wait until its file is complete, where that is a matter of a moment: where it is WAV."""
        task = self._tasks.get(entry.id)
        if task is not None and entry.format == "wav" and entry.state == "finishing":
            await asyncio.wait([task])

    def forget(self, entry: RecordingEntry) -> None:
        """It has not begun: there is nothing of it."""
        del self._open[entry.id]

    def failed(self, entry: RecordingEntry, reason: str, publish: Publish) -> None:
        """It lacks what was said. What was written of it stays, and is measured and published."""
        if entry.state == "recording":
            entry.state, entry.reason, entry.ended = "finishing", reason, self._clock()
            entry.path, entry.format = str(entry.written), "wav"
            self.save(entry)
            self._spawn(entry.id, self._keep(entry, reason, publish))

    async def _keep(self, entry: RecordingEntry, reason: str, publish: Publish) -> None:
        """Keep what there is of a recording that has failed, and publish that it has."""
        written = entry.written
        try:
            entry.duration_s, entry.bytes, entry.sha256 = await measure(written)
        except NotFinished as error:
            log.warning("recording_not_measured", path=str(written), reason=str(error))
        log.error("recording_failed", path=str(written), reason=reason)
        entry.path, entry.format, entry.state, entry.reason = str(written), "wav", "failed", reason
        entry.ended = entry.ended or self._clock()
        self.save(entry)
        publish("recording.failed", **(entry.result() | {"reason": reason}))
        self._open.pop(entry.id, None)

    async def _finish(self, entry: RecordingEntry, publish: Publish) -> None:
        try:
            if entry.format == "wav":
                done = await finish(entry)
            else:
                async with self._encoding:
                    done = await finish(entry)
        except NotFinished as error:
            await self._keep(entry, str(error), publish)
            return
        entry.duration_s, entry.bytes, entry.sha256 = done
        entry.ended = entry.ended or entry.started + done.duration_s
        entry.state = "moving" if self.settings.move_command else "kept"
        self.save(entry)
        publish("recording.ended", **entry.result(), reason=entry.reason)
        if entry.state == "moving":
            self._spawn(_moving_task(entry), self._move(entry))
        else:
            self._open.pop(entry.id, None)

    async def _move(self, entry: RecordingEntry) -> None:
        while self.settings.move_command:
            if entry.move_at is not None:
                await asyncio.sleep(max(0.0, entry.move_at - self._clock()))
            settings = self.settings
            try:
                async with self._moving:
                    command = command_of(settings.move_command, entry, self._zone)
                    entry.location = await move(command, settings.move_limit_s)
            except NotMoved as error:
                entry.move_attempts += 1
                entry.reason = str(error)
                entry.move_at = self._clock() + retry_s(entry.move_attempts)
                log.warning(
                    "recording_not_moved",
                    recording=entry.id,
                    attempts=entry.move_attempts,
                    reason=entry.reason,
                )
                self.save(entry)
                continue
            entry.move_attempts += 1
            entry.state, entry.move_at, entry.reason = "moved", None, None
            await asyncio.to_thread(recording_files.delete, [Path(entry.path)])
            self.save(entry)
            self._store.put(_MOVED_AS, entry.path, {"recording": entry.id})
            self._open.pop(entry.id, None)
            self._publish_of(entry)(
                "recording.moved", location=entry.location, attempts=entry.move_attempts
            )
            return

    def _publish_of(self, entry: RecordingEntry) -> Publish:
        def publish(kind: str, **fields: Any) -> None:
            known = {name: value for name, value in fields.items() if value is not None}
            self._events.publish(kind, **(entry.about() | known))

        return publish

    def _spawn(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[key] = task

        def done(ended: asyncio.Task[None]) -> None:
            if self._tasks.get(key) is ended:
                del self._tasks[key]
            if not ended.cancelled() and (error := ended.exception()) is not None:
                log.error("recording_task_failed", recording=key, exc_info=error)

        task.add_done_callback(done)

    # -- what there is ----------------------------------------------------------------------

    def find(self, id: str) -> RecordingEntry:
        """The recording of this id. Raises EngineError `not_found`, StoreError."""
        entry = self._open.get(id) or self._store.document(STORED_AS, id, RecordingEntry)
        if entry is None:
            raise EngineError("not_found", f"there is no recording {id}", field="recording")
        return entry

    async def page(
        self, wanted: Mapping[str, str], *, limit: int, before: str | None
    ) -> list[RecordingEntry]:
        """Those whose members are as `wanted`, newest first, `limit` at most. Raises StoreError.

        `before` is the id of the last one of the page before.
        """
        where = "".join(f" AND json_extract(CAST(body AS TEXT), '$.{one}') = ?" for one in wanted)
        rows = await self._store.search(
            f"{_BODIES}{where} AND key < ? ORDER BY key DESC LIMIT ?",
            (*wanted.values(), before or "~", limit),
        )
        return [msgspec.json.decode(body, type=RecordingEntry) for (body,) in rows]

    async def of_calls(self, ids: Iterable[str]) -> list[RecordingEntry]:
        """Those of these calls and jobs. Raises StoreError."""
        known = msgspec.json.encode(sorted(ids)).decode()
        rows = await self._store.search(
            f"WITH known AS MATERIALIZED (SELECT value FROM json_each(?1)) {_BODIES}"
            " AND (json_extract(CAST(body AS TEXT), '$.call') IN known"
            " OR json_extract(CAST(body AS TEXT), '$.job') IN known) ORDER BY key",
            (known,),
        )
        return [msgspec.json.decode(body, type=RecordingEntry) for (body,) in rows]

    # -- deleting ---------------------------------------------------------------------------

    async def delete(self, id: str, by: str | None = None) -> RecordingEntry:
        """Delete a recording by command: its file, where that is here, and what is known of it.

        Raises EngineError `not_found`, and `state` while it goes on; StoreError.
        """
        entry = self.find(id)
        if entry.state == "recording":
            raise EngineError("state", f"recording {id} goes on: stop it first", "recording")
        await self._delete(entry, "command", by)
        await self._store.flush()
        return entry

    async def delete_of(self, ids: Iterable[str], reason: str) -> int:
        """Delete those of these calls and jobs that have ended. Returns how many files there were.

        Raises StoreError.
        """
        deleted = 0
        for entry in await self.of_calls(ids):
            if self.find(entry.id).state != "recording":
                deleted += await self._delete(entry, reason)
        return deleted

    async def delete_before(self, limit: float) -> None:
        """Delete those that ended before `limit`. Raises StoreError."""
        rows = await self._store.search(
            f"{_BODIES} AND json_extract(CAST(body AS TEXT), '$.ended') < ?", (limit,)
        )
        for (body,) in rows:
            await self._delete(msgspec.json.decode(body, type=RecordingEntry), "retention")

    async def _delete(self, entry: RecordingEntry, reason: str, by: str | None = None) -> int:
        for key in (entry.id, _moving_task(entry)):
            task = self._tasks.get(key)
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._open.pop(entry.id, None)
        files = {Path(entry.path), entry.written}
        deleted = await asyncio.to_thread(recording_files.delete, files)
        self._store.drop(STORED_AS, entry.id)
        self._store.drop(_MOVED_AS, entry.path)
        self._publish_of(entry)("recording.deleted", reason=reason, by=by)
        return min(deleted, 1)


def _channels(number: int) -> Channels:
    return 1 if number == 1 else 2


def _moving_task(entry: RecordingEntry) -> str:
    return f"{entry.id} move"
