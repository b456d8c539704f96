"""The waiting room: plays music to a party that waits, and the announcements that are due.

Callers and customers of customer-first callbacks wait alike. They hear music; an announcement
interrupts it, and the music goes on after it. A sentence is synthesised before the music stops, so
that nobody listens to silence meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import structlog

from config.inbound import Inbound, Room
from config.queues import Queue
from config.sounds import FILE
from media.sources import Hold, Prompt, Silence, Stream

from ..leg import Leg
from .due_announcements import Announcements, QueuePosition
from .sound_files import SoundFiles
from .whisper import Announcement, Announcer

log = structlog.get_logger()

LOOK_S = 1.0
ALONE_S = 2.0
SENTENCE_LIMIT_S = 120.0
SENTENCE_PAUSE_S = 0.3
# Synthesis of the welcome may take this long before music is heard instead, with none before it.
WELCOME_WAIT_S = 2.0

Publish = Callable[..., None]


class WaitingRoom:
    """One room as it is configured. Many parties may wait in it, each in its own `attend`.

    What names no voice itself is said in `voice`; "": that of the configuration.
    """

    def __init__(
        self,
        settings: Room,
        *,
        announcer: Announcer,
        hold: Hold,
        voice: str = "",
        alone_s: float = ALONE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._voice = voice
        self.music = _music_of(settings, announcer.sounds, hold)
        self._announcer = announcer
        self._alone_s = alone_s
        self._clock = clock

    @asynccontextmanager
    async def attend(
        self,
        leg: Leg,
        position: Callable[[], QueuePosition | None] = lambda: None,
        *,
        customer_first: Publish | None = None,
    ) -> AsyncIterator["WaitingParty"]:
        """Let the party of `leg` wait here until the block ends, or the party's `leave`.

        `position` returns its queue position, None while there is none to announce. For a customer
        who was called, `customer_first` publishes `customer.left_waiting` when no agent is there
        within two seconds, and the customer is asked for a moment's patience. The flow decides
        what the party hears afterwards.
        """
        party = WaitingParty(self, leg, position, self._clock)
        if customer_first is None:
            party.welcome()
        else:
            leg.hear(self.music)
            party.begin_announcements()
            party.left_alone_after(self._alone_s, customer_first)
        try:
            yield party
        finally:
            party.leave()

    async def say(self, leg: Leg, *sentences: str) -> None:
        """Say the sentences that are not empty to their end, in place of what is heard."""
        await self.play(leg, await self.prepare(leg, *sentences))

    async def prepare(self, leg: Leg, *sentences: str) -> list[Announcement]:
        """The sentences that are not empty and can be said, spoken where they are text.

        Why another cannot be spoken is published as an event of `leg`.
        """
        ready = []
        for sentence in sentences:
            if sentence.startswith(FILE):
                ready.append(self._file(sentence))
            elif sentence:
                spoken = await self._announcer.speak(sentence, voice=self._voice)
                if isinstance(spoken, Announcement):
                    ready.append(spoken)
                else:
                    leg.publish_not_played(spoken.reason)
        return ready

    def _file(self, sentence: str) -> Announcement:
        path = self._announcer.sounds.configured(sentence.removeprefix(FILE))
        return Announcement(Prompt(str(path)), SENTENCE_LIMIT_S)

    async def play(self, leg: Leg, sounds: Sequence[Announcement]) -> None:
        """Play the sounds to their end, with a pause between each two."""
        for number, sound in enumerate(sounds):
            if number:
                await asyncio.sleep(SENTENCE_PAUSE_S)
            await leg.play(sound.source, limit_s=sound.limit_s)


def _music_of(settings: Room, sounds: SoundFiles, hold: Hold) -> Hold | Stream:
    if settings.stream:
        return sounds.stream(settings.stream)
    return Hold(str(sounds.configured(settings.music))) if settings.music else hold


class WaitingParty:
    """One party that waits in a room, and the announcements it hears."""

    def __init__(
        self,
        room: WaitingRoom,
        leg: Leg,
        position: Callable[[], QueuePosition | None],
        clock: Callable[[], float],
    ) -> None:
        self._room = room
        self._leg = leg
        self._position = position
        self._announcements = Announcements(room.settings, clock())
        self._clock = clock
        self._announcing: asyncio.Task[None] | None = None
        self._alone: asyncio.TimerHandle | None = None
        self._has_left = False
        self._is_hearing_sentence = False
        """Whether a sentence is being said, or was cut short and nothing is heard instead yet."""

    def welcome(self) -> None:
        """Welcome the party, then play music: music comes first only where speaking takes long."""
        if self._room.settings.welcome:
            self._leg.hear(Silence())
            self._is_hearing_sentence = True
            self.begin_announcements(self._say_welcome)
        else:
            self._hear_music()
            self.begin_announcements()

    async def _say_welcome(self) -> None:
        sounds = asyncio.ensure_future(self._room.prepare(self._leg, self._room.settings.welcome))
        try:
            await asyncio.wait([sounds], timeout=WELCOME_WAIT_S)
            if not sounds.done():
                self._hear_music()
            await self._play(await sounds)
        finally:
            sounds.cancel()

    def interrupt_with(self, *sentences: str) -> None:
        """Say something at once, in place of what is being said; then the party waits on."""
        if not self._has_left:
            self._interrupt()
            self.begin_announcements(partial(self._say, *sentences))

    def begin_announcements(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Do `first`, and make the announcements of the room from then on."""
        self._announcing = asyncio.get_running_loop().create_task(self._announce(first))
        self._announcing.add_done_callback(_log_failure)

    def left_alone_after(self, alone_s: float, publish: Publish) -> None:
        """Where the party still waits after `alone_s`, publish that, and ask for patience."""
        loop = asyncio.get_running_loop()
        self._alone = loop.call_later(alone_s, self._left_alone, alone_s, publish)

    def leave(self) -> None:
        """The wait is over: nothing more is announced. Idempotent."""
        self._has_left = True
        if self._alone is not None:
            self._alone.cancel()
        self._interrupt()

    def _interrupt(self) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None

    def _left_alone(self, alone_s: float, publish: Publish) -> None:
        publish("customer.left_waiting", waited_s=alone_s)
        if text := self._room.settings.texts.left_waiting:
            self.interrupt_with(text)

    async def _say(self, *sentences: str) -> None:
        await self._play(await self._room.prepare(self._leg, *sentences))

    async def _play(self, sounds: Sequence[Announcement]) -> None:
        was_cut_short, self._is_hearing_sentence = self._is_hearing_sentence, True
        await self._room.play(self._leg, sounds)
        if was_cut_short or sounds:
            self._hear_music()
        self._is_hearing_sentence = False

    def _hear_music(self) -> None:
        self._is_hearing_sentence = False
        if self._leg.hangup_cause is None:
            self._leg.hear(self._room.music)

    async def _announce(self, first: Callable[[], Awaitable[None]] | None) -> None:
        if first is not None:
            await first()
        while self._announcements.any:
            await asyncio.sleep(LOOK_S)
            sentences = self._announcements.due(self._clock(), self._position())
            if sentences:
                await self._say(*sentences)
                self._announcements.said(self._clock())


def _log_failure(announcing: "asyncio.Task[None]") -> None:
    if not announcing.cancelled() and (error := announcing.exception()) is not None:
        # A defect costs the announcements, not the call.
        log.error("waiting_room_failed", exc_info=error)


class WaitingRooms:
    """The configured rooms, and the default one."""

    def __init__(
        self,
        rooms: Sequence[Room],
        queues: Sequence[Queue] = (),
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
        self.configure(rooms, queues)

    def configure(
        self, rooms: Sequence[Room], queues: Sequence[Queue] = (), alone_s: float | None = None
    ) -> None:
        """Have these rooms from now on; parties that wait go on in the room they came into."""
        self._alone_s = self._alone_s if alone_s is None else alone_s
        self._settings = {room.name: room for room in rooms}
        self._settings.setdefault("default", Room(name="default"))
        self._speech = {queue.name: Speech(queue.language, queue.voice) for queue in queues}
        self._rooms: dict[tuple[str, str, str], WaitingRoom] = {}
        for room in rooms:
            for one in (room, *map(room.in_language, room.languages)):
                if one.welcome and not one.welcome.startswith(FILE):
                    self._announcer.speak_beforehand(one.welcome, one.voice or one.language)

    def music(self) -> list[Hold | Stream]:
        """What is played in the rooms, each once. That of calls on hold comes first."""
        sounds = self._announcer.sounds
        found = [_music_of(room, sounds, self._hold) for room in self._settings.values()]
        return list(dict.fromkeys([self._hold, *found]))

    def of(
        self, queue: str | None, name: str = "", *, language: str = "", voice: str = ""
    ) -> WaitingRoom:
        """The room of this name, else that of the queue, else the default one.

        In this language, else in that of the queue, else in its own. The voice is the first that
        is named by whoever names the language, or by what stands before it in this order.
        """
        found = next(key for key in (name, queue, "default") if key and key in self._settings)
        of_queue = self._speech.get(queue or "", Speech())
        settings = self._settings[found].in_language(language or of_queue.language)
        for speech in (Speech(language, voice), of_queue):
            voice = speech.voice
            if voice or speech.language:
                break
        key = found, settings.language, voice or settings.voice or settings.language
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = WaitingRoom(
                settings,
                announcer=self._announcer,
                hold=self._hold,
                voice=key[2],
                alone_s=self._alone_s,
                clock=self._clock,
            )
        return room

    def of_route(self, queue: str | None, route: Inbound) -> WaitingRoom:
        """The room of a call that came in by `route`, and waits for `queue`."""
        return self.of(queue, route.room, language=route.language, voice=route.voice)


class Speech(NamedTuple):
    """A language and a voice; "": neither is said."""

    language: str = ""
    voice: str = ""
