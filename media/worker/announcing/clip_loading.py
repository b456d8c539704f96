"""What legs are to hear, from the request to the clip: at once where it is kept, else when read."""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from ...isolation import FAULT, each_alone, fault
from ...protocol import messages as m
from ...sound.clip import Clip
from ...sound.clip_library import ClipSource, Library, SourceError, loops
from ...sound.form import WIDE
from ...sources import Playlist, Prompt, Stream
from ..leg import MediaLeg

_FALLING: Final = (Prompt, Playlist)  # recorded sound, which may be cut off at its end

Use = Callable[[Clip], None]


class ClipLoading:
    """Gives legs the clips of `library`. Of each leg the newest request of a kind counts.

    A leg has two kinds: its own source, and announcements.
    """

    def __init__(self, library: Library, report: Callable[[m.Answer | m.Event], None]) -> None:
        self._library = library
        self._report = report
        self._tasks: set[asyncio.Task[None]] = set()
        # The number of the newest request, while its clip is being loaded.
        self._own: dict[MediaLeg, int] = {}
        self._announced: dict[MediaLeg, int] = {}
        # What was asked for last, for an engine that comes later.
        self._own_source: dict[MediaLeg, tuple[int, ClipSource]] = {}
        self._announcements: dict[MediaLeg, tuple[m.Announce, ...]] = {}
        self._ready: Sequence[ClipSource] = ()
        self._is_wide = False  # some leg has heard 16 kHz
        self._readying: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Whether any leg waits for its clip."""
        return bool(self._own or self._announced)

    # -- what is loaded before anybody is to hear it ----------------------------------------

    def keep_ready(self, sources: Sequence[ClipSource]) -> None:
        """Load these, one after the other, in place of those that were named before."""
        self._ready = sources
        if self._readying is not None:
            self._readying.cancel()
        self._readying = asyncio.ensure_future(self._make_ready()) if sources else None

    def keep_ready_wide(self) -> None:
        """There is a leg that hears 16 kHz: have the same at that rate."""
        if not self._is_wide:
            self._is_wide = True
            self.keep_ready(self._ready)

    async def _make_ready(self) -> None:
        for source in self._ready:
            if self._library.find(source, is_wide=self._is_wide) is None:
                with contextlib.suppress(SourceError):  # said to whoever is to hear it
                    await self._read(source, is_wide=self._is_wide)

    # -- the leg's own source ---------------------------------------------------------------

    def hear(self, leg: MediaLeg, play: int, source: ClipSource) -> None:
        """Let the leg hear a source; until it is loaded, it hears what it heard.

        Only nobody's voice: whom the leg hears may have been put on hold, or speak to another.
        """

        def use(clip: Clip) -> None:
            leg.sound.hear_clip(
                play,
                clip,
                time.monotonic(),
                loop=loops(source),
                falls=isinstance(source, _FALLING),
                is_common=isinstance(source, Stream),
            )

        def fail(error: SourceError) -> None:
            leg.sound.hear_silence(time.monotonic())
            self._report(m.Played(leg.name, play, str(error)))

        self._own_source[leg] = play, source
        self._give(self._own, leg, play, source, use, fail)
        if leg in self._own:
            leg.sound.leave_others(time.monotonic())

    def forget_own(self, leg: MediaLeg) -> None:
        """The leg hears something that is no clip."""
        self._own.pop(leg, None)
        self._own_source.pop(leg, None)

    # -- announcements ----------------------------------------------------------------------

    def announce(self, leg: MediaLeg, command: m.Announce, source: ClipSource) -> None:
        """Let the leg hear an announcement, in place of the one before."""
        replaced = self._announced.pop(leg, None)
        if replaced is not None:
            self._report(m.Played(leg.name, replaced, end="replaced"))
        self._announcements[leg] = (*self._under_way(leg), command)

        def use(clip: Clip) -> None:
            leg.sound.announce(
                command.play,
                clip,
                time.monotonic(),
                mix=command.mix,
                rounds=0 if loops(source) else command.rounds,
                is_common=isinstance(source, Stream),
            )

        def fail(error: SourceError) -> None:
            self._report(m.Played(leg.name, command.play, str(error), end="failed"))

        self._give(self._announced, leg, command.play, source, use, fail)

    def use(self, source: ClipSource, use: Use) -> None:
        """Give the clip of a source to `use`, once it is there. Where it cannot be made, do not."""
        clip = self._library.find(source)
        if clip is not None:
            use(clip)
        else:
            self._spawn(self._load(source, lambda: True, use, lambda _error: None, is_wide=False))

    def awaits(self, leg: MediaLeg) -> bool:
        """Whether an announcement of a leg is being loaded."""
        return leg in self._announced

    def stop(self, leg: MediaLeg, play: int) -> None:
        """Stop an announcement, heard already or not."""
        if self._announced.get(leg) == play:
            del self._announced[leg]
            self._report(m.Played(leg.name, play, end="stopped"))
        else:
            leg.sound.stop(play, time.monotonic())

    def _under_way(self, leg: MediaLeg) -> tuple[m.Announce, ...]:
        """What is announced to a leg, and what is about to be."""
        plays = (leg.sound.announced, self._announced.get(leg))
        return tuple(one for one in self._announcements.get(leg, ()) if one.play in plays)

    # -- both ---------------------------------------------------------------------------------

    def describe(self, leg: MediaLeg, state: m.LegState) -> None:
        """Say what a leg hears, also what is loaded for it."""
        state.announcements = self._under_way(leg)
        play, source = self._own_source.get(leg, (0, None))
        if source is not None and play in (state.play, self._own.get(leg)):
            state.play, state.source = play, source

    def leg_closed(self, leg: MediaLeg) -> None:
        """Nothing is to be heard by a leg any more."""
        self._own.pop(leg, None)
        self._own_source.pop(leg, None)
        self._announcements.pop(leg, None)
        announced = self._announced.pop(leg, None)
        if announced is not None:
            self._report(m.Played(leg.name, announced, end="leg_ended"))

    def close(self) -> None:
        """Load nothing more."""
        for task in self._tasks:
            task.cancel()
        if self._readying is not None:
            self._readying.cancel()

    def _give(
        self,
        waiting: dict[MediaLeg, int],
        leg: MediaLeg,
        play: int,
        source: ClipSource,
        use: Use,
        fail: Callable[[SourceError], None],
    ) -> None:
        waiting.pop(leg, None)
        is_wide = leg.playout.form == WIDE
        clip = self._library.find(source, is_wide=is_wide)
        if clip is not None:
            use(clip)
            return
        waiting[leg] = play
        is_wanted = partial(self._is_wanted, waiting, leg, play)
        self._spawn(self._load(source, is_wanted, use, fail, is_wide=is_wide))

    def _spawn(self, loading: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(loading)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(
        self,
        source: ClipSource,
        is_wanted: Callable[[], bool],
        use: Use,
        fail: Callable[[SourceError], None],
        *,
        is_wide: bool,
    ) -> None:
        try:
            clip = await self._read(source, is_wide=is_wide)
        except SourceError as error:
            if is_wanted():
                fail(error)
            return
        if is_wanted():
            each_alone([clip], use, lambda _clip: fail(SourceError(FAULT)))

    async def _read(self, source: ClipSource, *, is_wide: bool) -> Clip:
        """The clip of a source. Raises SourceError, whatever has kept it from being read."""
        try:
            return await self._library.load(source, is_wide=is_wide)
        except SourceError:
            raise
        except Exception as error:
            traceback.print_exc()
            raise SourceError(fault(error)) from error

    def _is_wanted(self, waiting: dict[MediaLeg, int], leg: MediaLeg, play: int) -> bool:
        """Whether the leg still waits for this; from now on it does not."""
        if waiting.get(leg) != play:
            return False
        del waiting[leg]
        return True
