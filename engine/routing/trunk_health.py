"""Trunks that are down: passed over until they answer an OPTIONS, or their time is over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from sip.errors import SipError
from sip.hop import Hop

from ..errors import EngineError
from ..store.event_log import EventLog

log = structlog.get_logger()

ASK_AGAIN_S: Final = 5.0
"""How often a trunk that is silent is sent an OPTIONS."""
ANSWER_S: Final = 4.0
"""How long it has to answer."""
_UNAVAILABLE: Final = frozenset({408, 503, 504})

FindHops = Callable[[str], Awaitable[tuple[Hop, ...]]]
AskOptions = Callable[[str, Hop], Awaitable[int | None]]


class NoTrunkUsable(EngineError):
    """`unavailable`: a number may be dialled, and no trunk that carries it works now."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__("unavailable", message, field=field)


class TrunksFull(NoTrunkUsable):
    """`unavailable`: the trunks that work carry all the calls that they may."""


class TrunkStates(Protocol):
    """Which trunks calls go by now."""

    def is_usable(self, name: str) -> bool:
        """Whether calls may be placed through the trunk now."""

    def is_resting(self, name: str) -> bool:
        """Whether calls go by other trunks for now, where there are such."""

    def is_full(self, name: str) -> bool:
        """Whether the trunk carries all the calls that it may."""

    def rest(self, name: str, for_s: float, reason: str, *, is_silent: bool) -> None:
        """Pass the trunk over for that time, or until it answers where it `is_silent`."""


def usable_now(
    states: TrunkStates, names: Sequence[str], *, may_be_full: bool = False
) -> list[str]:
    """Which of these trunks a call is tried by now, in their order.

    Those that rest are left out. Where all of them rest, one of them is better than none.
    """
    usable = [
        name
        for name in names
        if states.is_usable(name) and (may_be_full or not states.is_full(name))
    ]
    return [name for name in usable if not states.is_resting(name)] or usable


class AllTrunksUp:
    """Trunks that never fail, for where there is no SIP."""

    def is_usable(self, _name: str) -> bool:
        """See TrunkStates."""
        return True

    def is_resting(self, _name: str) -> bool:
        """See TrunkStates."""
        return False

    def is_full(self, _name: str) -> bool:
        """See TrunkStates."""
        return False

    def rest(self, name: str, for_s: float, reason: str, *, is_silent: bool) -> None:
        """See TrunkStates."""


class _Rest:
    """One trunk that is passed over: why, until when, and the task that watches it."""

    __slots__ = ("for_s", "is_silent", "reason", "task", "until")

    def __init__(self, reason: str, for_s: float, until: float, *, is_silent: bool) -> None:
        self.reason = reason
        self.for_s = for_s
        self.until = until
        self.is_silent = is_silent
        self.task: asyncio.Task[None] | None = None


class TrunkHealth:
    """Which trunks are down. `find` and `ask` are the endpoint's `hops` and `ask_options`.

    A trunk that said for how long (Retry-After) is left alone for that time. One that is silent is
    asked by OPTIONS, and is up with the first answer. Where a trunk has ever answered one, it stays
    down until it does again; where it has not, its time decides.
    """

    def __init__(self, events: EventLog, find: FindHops, ask: AskOptions) -> None:
        self._events = events
        self._find = find
        self._ask = ask
        self._resting: dict[str, _Rest] = {}
        self._answers: set[str] = set()

    def is_resting(self, name: str) -> bool:
        """Whether calls go by other trunks for now, where there are such."""
        return name in self._resting

    def reason(self, name: str) -> str | None:
        """Why the trunk is passed over; None if it is not."""
        rest = self._resting.get(name)
        return None if rest is None else rest.reason

    def rest(self, name: str, uri: str, for_s: float, reason: str, *, is_silent: bool) -> None:
        """Pass a trunk over: it said for how long, or nobody answers there (`is_silent`)."""
        now = asyncio.get_running_loop().time()
        rest = self._resting.get(name)
        if rest is not None:
            rest.until = max(rest.until, now + for_s)
            # What the trunk said itself goes before what its silence may mean.
            rest.is_silent = rest.is_silent and is_silent
            return
        log.warning("trunk_down", trunk=name, reason=reason, for_s=for_s)
        self._events.publish("trunk.down", trunk=name, reason=reason)
        rest = self._resting[name] = _Rest(reason, for_s, now + for_s, is_silent=is_silent)
        rest.task = asyncio.get_running_loop().create_task(self._watch(name, uri, rest))

    def forget(self, name: str, reason: str) -> None:
        """The trunk is configured again, or no more: it is not passed over any longer."""
        self._answers.discard(name)
        rest = self._resting.get(name)
        if rest is not None:
            if rest.task is not None:
                rest.task.cancel()
            self._up(name, reason)

    def stop(self) -> None:
        """Watch no trunk any more."""
        for rest in self._resting.values():
            if rest.task is not None:
                rest.task.cancel()

    async def _watch(self, name: str, uri: str, rest: _Rest) -> None:
        loop = asyncio.get_running_loop()
        while True:
            left_s = rest.until - loop.time()
            if left_s <= 0 and not (rest.is_silent and name in self._answers):
                self._up(name, "its time is over")
                return
            await asyncio.sleep(min(ASK_AGAIN_S, left_s) if left_s > 0 else ASK_AGAIN_S)
            if rest.is_silent and await self._does_answer(uri):
                self._answers.add(name)
                self._up(name, "it answers OPTIONS")
                return

    async def _does_answer(self, uri: str) -> bool:
        """Whether any address of the trunk answers by something but that it cannot serve."""
        try:
            async with asyncio.timeout(ANSWER_S):
                hops = await self._find(uri)
                statuses = await _first(
                    [asyncio.ensure_future(self._ask(uri, hop)) for hop in hops]
                )
        except (TimeoutError, SipError):
            return False
        return statuses

    def _up(self, name: str, reason: str) -> None:
        del self._resting[name]
        log.info("trunk_up", trunk=name, reason=reason)
        self._events.publish("trunk.up", trunk=name, reason=reason)


async def _first(asked: Sequence["asyncio.Future[int | None]"]) -> bool:
    """Whether one of the addresses answers that it serves. Does not wait for the others."""
    try:
        for answer in asyncio.as_completed(asked):
            status = await answer
            if status is not None and status not in _UNAVAILABLE:
                return True
        return False
    finally:
        for one in asked:
            one.cancel()
