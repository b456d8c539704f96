"""The waiting room: what one who waits for an operator hears until somebody is there.

Callers and customers of customer-first callbacks wait alike: music, over which nothing is laid; an
announcement takes its place and music goes on after it. A sentence is spoken before the music
stops, so that nobody listens to silence meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import structlog

from config.inbound import FILE, Room
from media.sources import Hold, Prompt

from .announcements import Announcements, QueuePosition
from .leg import Leg
from .whisper import Announcement, Announcer

__all__ = ["QueuePosition", "WaitingParty", "WaitingRoom", "WaitingRooms"]

log = structlog.get_logger()

LOOK_S = 1.0
ALONE_S = 2.0
SENTENCE_LIMIT_S = 120.0

Publish = Callable[..., None]


class WaitingRoom:
    """One room as it is configured. Many may wait in it, each with `host`."""

    def __init__(
        self,
        settings: Room,
        *,
        announcer: Announcer,
        hold: Hold,
        alone_s: float = ALONE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        music = settings.music
        self.music = Hold(str(Path(music).resolve())) if music else hold
        self._announcer = announcer
        self._alone_s = alone_s
        self._clock = clock

    @asynccontextmanager
    async def host(
        self,
        leg: Leg,
        standing: Callable[[], QueuePosition | None] = lambda: None,
        *,
        customer_first: Publish | None = None,
    ) -> AsyncIterator["WaitingParty"]:
        """Let the party of `leg` wait here; what it hears afterwards is the caller's to say.

        `standing` gives its place whenever it is asked; None while there is none to tell of. For
        a customer who was called, `customer_first` publishes `customer.left_waiting` when nobody
        is there for him within two seconds, and he is asked for a moment's patience.
        """
        leg.hear(self.music)
        guest = WaitingParty(self, leg, standing, self._clock)
        if customer_first is None:
            guest.tell(self.settings.welcome)
        else:
            guest.attend()
            guest.alone_after(self._alone_s, customer_first)
        try:
            yield guest
        finally:
            guest.leave()

    async def say(self, leg: Leg, *sentences: str, music_after: bool = True) -> bool:
        """Say the sentences that are not empty to their end; then there is music again.

        False where there was nothing that could be said: the party hears what it heard before.
        """
        ready = []
        for sentence in sentences:
            if sentence.startswith(FILE):
                ready.append(_file(sentence))
            elif sentence:
                spoken = await self._announcer.speak(sentence)
                if isinstance(spoken, Announcement):
                    ready.append(spoken)
        for sound in ready:
            await leg.play(sound.source, limit_s=sound.limit_s)
        if ready and music_after and leg.ending is None:
            leg.hear(self.music)
        return bool(ready)


class WaitingParty:
    """One who waits in a room, and whoever attends to him."""

    def __init__(
        self,
        room: WaitingRoom,
        leg: Leg,
        standing: Callable[[], QueuePosition | None],
        clock: Callable[[], float],
    ) -> None:
        self._room = room
        self._leg = leg
        self._standing = standing
        self._announcements = Announcements(room.settings, clock())
        self._clock = clock
        self._attending: asyncio.Task[None] | None = None
        self._alone: asyncio.TimerHandle | None = None
        self._has_left = False
        self._is_told = False
        """Whether a sentence is being said, or was cut short and nothing is heard instead yet."""

    def tell(self, *sentences: str) -> None:
        """Tell the guest something at once, whatever he is being told; then he waits on."""
        if not self._has_left:
            self._interrupt()
            self.attend(partial(self._say, *sentences))

    def attend(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Do `first`, and tell the guest from then on what he is to be told."""
        self._attending = asyncio.get_running_loop().create_task(self._attend(first))
        self._attending.add_done_callback(_report)

    def alone_after(self, alone_s: float, publish: Publish) -> None:
        """Who still waits after so long is counted as left alone, and asked for patience."""
        loop = asyncio.get_running_loop()
        self._alone = loop.call_later(alone_s, self._left_alone, alone_s, publish)

    def leave(self) -> None:
        """The wait is over: nobody attends to the guest any more. No effect twice."""
        self._has_left = True
        if self._alone is not None:
            self._alone.cancel()
        self._interrupt()

    def _interrupt(self) -> None:
        if self._attending is not None:
            self._attending.cancel()
            self._attending = None

    def _left_alone(self, alone_s: float, publish: Publish) -> None:
        publish("customer.left_waiting", waited_s=alone_s)
        self.tell(self._room.settings.texts.left_waiting)

    async def _say(self, *sentences: str) -> None:
        was_cut_short, self._is_told = self._is_told, True
        is_said = await self._room.say(self._leg, *sentences)
        if was_cut_short and not is_said and self._leg.ending is None:
            self._leg.hear(self._room.music)
        self._is_told = False

    async def _attend(self, first: Callable[[], Awaitable[None]] | None) -> None:
        if first is not None:
            await first()
        while self._announcements.any:
            await asyncio.sleep(LOOK_S)
            sentences = self._announcements.due(self._clock(), self._standing())
            if sentences:
                await self._say(*sentences)
                self._announcements.said(self._clock())


def _file(sentence: str) -> Announcement:
    path = Path(sentence.removeprefix(FILE)).resolve()
    return Announcement(Prompt(str(path)), SENTENCE_LIMIT_S)


def _report(attending: "asyncio.Task[None]") -> None:
    if not attending.cancelled() and (error := attending.exception()) is not None:
        # A defect costs the announcements, not the call.
        log.error("waiting_room_failed", exc_info=error)


class WaitingRooms:
    """The configured rooms, and the one for whoever has none."""

    def __init__(
        self,
        rooms: Sequence[Room],
        *,
        announcer: Announcer,
        hold: Hold,
        alone_s: float = ALONE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._announcer = announcer
        self._hold = hold
        self._alone_s = alone_s
        self._clock = clock
        self.furnish(rooms)

    def furnish(self, rooms: Sequence[Room], alone_s: float | None = None) -> None:
        """Take the rooms as they are configured now; whoever waits goes on as he came in."""
        self._alone_s = self._alone_s if alone_s is None else alone_s
        named = {room.name: room for room in rooms}
        named.setdefault("default", Room(name="default"))
        self._rooms = {
            name: WaitingRoom(
                room,
                announcer=self._announcer,
                hold=self._hold,
                alone_s=self._alone_s,
                clock=self._clock,
            )
            for name, room in named.items()
        }

    def of(self, queue: str | None, name: str = "") -> WaitingRoom:
        """The room called `name`, else that of the queue, else the default one."""
        for key in (name, queue or ""):
            if key in self._rooms:
                return self._rooms[key]
        return self._rooms["default"]
