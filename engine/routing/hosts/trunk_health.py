"""Which hosts of trunks are down: what calls found, and what OPTIONS say (`qualify_s`).

A host that is down is passed over until it answers an OPTIONS, or its time is over. A trunk is down
while every host of it is.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from sip.dialog.options import OptionsAnswer
from sip.errors import SipError
from sip.hop import Hop

from ...store.event_log import EventLog
from .trunk_hosts import TrunkHost

log = structlog.get_logger()

ASK_AGAIN_S: Final = 5.0
"""How often a host that is silent is sent an OPTIONS."""
ANSWER_S: Final = 4.0
"""How long it has to answer."""
DOWN_AFTER: Final = 2
"""The OPTIONS in a row without a good answer after which a host is down."""
UP_AFTER: Final = 2
"""The good answers in a row after which a host that is asked all the time is up again."""
_UNAVAILABLE: Final = frozenset({408, 503, 504})
"""Answers of a host that cannot serve. Every other one, also 404 and 405, shows that it can."""
_JITTER: Final = 0.1

FindHops = Callable[[str, TrunkHost], Awaitable[tuple[Hop, ...]]]
AskOptions = Callable[[TrunkHost, Hop], Awaitable[OptionsAnswer]]


@dataclass(slots=True)
class _Rest:
    """Why a host is passed over, and until when. One that `is_silent` is asked by OPTIONS."""

    reason: str
    until: float
    is_silent: bool


@dataclass(frozen=True, slots=True)
class HostState:
    """How a host stands: why it is down (None: it is up), and its last answer to an OPTIONS."""

    host: TrunkHost
    down: str | None
    options_status: int | None
    round_trip_s: float | None


class _Host:
    """One host of a trunk, and what is known of it."""

    __slots__ = (
        "answered_ever", "answers", "failures", "host", "rest", "round_trip_s", "status", "task",
        "woken",
    )  # fmt: skip

    def __init__(self, host: TrunkHost) -> None:
        self.host = host
        self.rest: _Rest | None = None
        self.answered_ever = False
        self.answers = self.failures = 0
        self.status: int | None = None
        self.round_trip_s: float | None = None
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Trunk:
    name: str
    qualify_s: float
    hosts: list[_Host]

    @property
    def reason(self) -> str | None:
        """Why it is down: what was found of its last host. None while one of them is up."""
        rests = [host.rest for host in self.hosts]
        if not rests or None in rests:
            return None
        last = max((rest for rest in rests if rest is not None), key=lambda rest: rest.until)
        return last.reason


class TrunkHealth:
    """Which hosts are down. `find` looks a host up, `ask` sends it an OPTIONS, and `on_down` is
    called with the names of trunk and host where one is down from now on, and again of those that
    are still down where another comes up: a binding at one of them is better off there.

    With `qualify_s` every host is asked all the time: it is down after DOWN_AFTER failures in a row
    and up after UP_AFTER answers in a row. Without, one that a call found silent is asked until
    its first answer; where it has never answered an OPTIONS, its time decides. One that said for
    how long (Retry-After) is left alone for that time.
    """

    def __init__(
        self,
        events: EventLog,
        find: FindHops,
        ask: AskOptions,
        on_down: Callable[[str, str], None],
        rng: random.Random | None = None,
    ) -> None:
        self._events = events
        self._find = find
        self._ask = ask
        self._on_down = on_down
        self._rng = rng or random.Random()
        self._trunks: dict[str, _Trunk] = {}

    # -- what is known ----------------------------------------------------------------------

    def is_resting(self, name: str) -> bool:
        """Whether every host of the trunk is down."""
        return self.reason(name) is not None

    def is_host_down(self, name: str, host: str) -> bool:
        """Whether this host of the trunk is down."""
        found = self._host(name, host)
        return found is not None and found.rest is not None

    def reason(self, name: str) -> str | None:
        """Why the trunk is passed over; None if it is not."""
        trunk = self._trunks.get(name)
        return None if trunk is None else trunk.reason

    def hosts(self, name: str) -> list[HostState]:
        """How each host of the trunk stands, in the order of the configuration."""
        trunk = self._trunks.get(name)
        return [
            HostState(
                one.host,
                None if one.rest is None else one.rest.reason,
                one.status,
                one.round_trip_s,
            )
            for one in (() if trunk is None else trunk.hosts)
        ]

    # -- what is configured -----------------------------------------------------------------

    def configure(self, name: str, hosts: Iterable[TrunkHost], qualify_s: float = 0.0) -> None:
        """Have these hosts of a trunk from now on; nothing is known of them yet."""
        self._trunks[name] = _Trunk(name, qualify_s, [_Host(host) for host in hosts])

    def start(self) -> None:
        """Ask the hosts of every trunk that is to be asked all the time."""
        for trunk in self._trunks.values():
            for host in trunk.hosts if trunk.qualify_s else ():
                self._watch_from_now(trunk, host)

    def forget(self, name: str, reason: str) -> None:
        """The trunk is configured again, or no more: it is not passed over any longer."""
        trunk = self._trunks.pop(name, None)
        if trunk is None:
            return
        for host in trunk.hosts:
            if host.task is not None:
                host.task.cancel()
        for host in trunk.hosts:
            if host.rest is not None:
                self._up(trunk, host, reason)

    def stop(self) -> None:
        """Watch no host any more."""
        for trunk in self._trunks.values():
            for host in trunk.hosts:
                if host.task is not None:
                    host.task.cancel()

    # -- what is found ----------------------------------------------------------------------

    def rest(self, name: str, host: str, for_s: float, reason: str, *, is_silent: bool) -> None:
        """Pass a host over ("": all): it said for how long, or nobody answers (`is_silent`)."""
        trunk = self._trunks.get(name)
        for one in [] if trunk is None else trunk.hosts:
            if host in ("", one.host.name):
                assert trunk is not None
                self._rest(trunk, one, for_s, reason, is_silent=is_silent)

    def registered(self, name: str, host: str) -> None:
        """The trunk is registered at this host: it works, unless its answers to OPTIONS decide."""
        trunk, one = self._trunks.get(name), self._host(name, host)
        if trunk is not None and one is not None and one.rest is not None and not trunk.qualify_s:
            if one.task is not None:
                one.task.cancel()
                one.task = None
            self._up(trunk, one, "it is registered")

    def _rest(
        self, trunk: _Trunk, host: _Host, for_s: float, reason: str, *, is_silent: bool
    ) -> None:
        until = asyncio.get_running_loop().time() + for_s
        host.answers = 0
        if host.rest is not None:
            host.rest.until = max(host.rest.until, until)
            # What the host said itself goes before what its silence may mean.
            host.rest.is_silent = host.rest.is_silent and is_silent
            return
        self._down(trunk, host, _Rest(reason, until, is_silent))
        host.woken.set()
        self._watch_from_now(trunk, host)

    def _host(self, name: str, host: str) -> _Host | None:
        trunk = self._trunks.get(name)
        found = [] if trunk is None else [one for one in trunk.hosts if one.host.name == host]
        return found[0] if found else None

    # -- asking -----------------------------------------------------------------------------

    def _watch_from_now(self, trunk: _Trunk, host: _Host) -> None:
        if host.task is None or host.task.done():
            loop = asyncio.get_running_loop()
            host.task = loop.create_task(self._watch(trunk, host))

    async def _watch(self, trunk: _Trunk, host: _Host) -> None:
        """Ask one host for as long as there is a reason to."""
        if trunk.qualify_s and host.rest is None:
            await self._check(trunk, host)
        while (pause_s := self._next_pause_s(trunk, host)) is not None:
            is_woken = await self._is_woken(host, pause_s)
            is_left_alone = host.rest is not None and not host.rest.is_silent
            if not is_woken and not is_left_alone:
                await self._check(trunk, host)

    def _next_pause_s(self, trunk: _Trunk, host: _Host) -> float | None:
        """How long until the host is looked at again; None: there is no reason to.

        One whose time is over is up.
        """
        host.woken.clear()
        rest = host.rest
        if rest is not None:
            left_s = rest.until - asyncio.get_running_loop().time()
            if left_s > 0:
                return min(self._pause_s(trunk, host), left_s)
            if rest.is_silent and (host.answered_ever or trunk.qualify_s > 0):
                return self._pause_s(trunk, host)
            self._up(trunk, host, "its time is over")
        return self._pause_s(trunk, host) if trunk.qualify_s else None

    def _pause_s(self, trunk: _Trunk, host: _Host) -> float:
        """How long until the next OPTIONS: soon, while it is not sure how the host stands."""
        if not trunk.qualify_s:
            return ASK_AGAIN_S
        if host.rest is not None or host.failures:
            return min(ASK_AGAIN_S, trunk.qualify_s)
        return trunk.qualify_s * self._rng.uniform(1.0 - _JITTER, 1.0)

    async def _is_woken(self, host: _Host, pause_s: float) -> bool:
        """Wait. True where the host was found to be down meanwhile."""
        try:
            async with asyncio.timeout(pause_s):
                await host.woken.wait()
        except TimeoutError:
            return False
        return True

    async def _check(self, trunk: _Trunk, host: _Host) -> None:
        """Send an OPTIONS, and note what it says."""
        why_not = await self._why_not(host, trunk.name)
        if why_not is None:
            host.answered_ever = True
            host.failures, host.answers = 0, host.answers + 1
            is_enough = host.answers >= (UP_AFTER if trunk.qualify_s else 1)
            if host.rest is not None and host.rest.is_silent and is_enough:
                self._up(trunk, host, "it answers OPTIONS")
            return
        host.answers, host.failures = 0, host.failures + 1
        if host.rest is None and host.failures >= DOWN_AFTER:
            now = asyncio.get_running_loop().time()
            self._down(trunk, host, _Rest(why_not, now, is_silent=True))

    async def _why_not(self, host: _Host, trunk: str) -> str | None:
        """Why no address of the host serves; None if one of them does."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        host.status = host.round_trip_s = None
        try:
            async with asyncio.timeout(ANSWER_S):
                hops = await self._find(trunk, host.host)
                answer = await _best(
                    [asyncio.ensure_future(self._ask(host.host, at)) for at in hops]
                )
        except TimeoutError:
            return f"no answer to OPTIONS within {ANSWER_S:g} s"
        except SipError as error:
            return str(error)
        host.status = answer.status
        if answer.status is None:
            return f"OPTIONS: {answer.reason}"
        host.round_trip_s = loop.time() - began
        return None if _serves(answer) else f"OPTIONS: {answer.status} {answer.reason}"

    # -- what is told -----------------------------------------------------------------------

    def _down(self, trunk: _Trunk, host: _Host, rest: _Rest) -> None:
        host.rest = rest
        where = {"host": host.host.name} if len(trunk.hosts) > 1 else {}
        log.warning("trunk_down", trunk=trunk.name, reason=rest.reason, **where)
        if where:
            self._tell("trunk.host_down", trunk, rest.reason, **where)
        if trunk.reason is not None:
            self._tell("trunk.down", trunk, rest.reason)
        self._on_down(trunk.name, host.host.name)

    def _up(self, trunk: _Trunk, host: _Host, reason: str) -> None:
        was_down = trunk.reason is not None
        host.rest, host.answers, host.failures = None, 0, 0
        where = {"host": host.host.name} if len(trunk.hosts) > 1 else {}
        log.info("trunk_up", trunk=trunk.name, reason=reason, **where)
        if where:
            self._tell("trunk.host_up", trunk, reason, **where)
        if was_down:
            self._tell("trunk.up", trunk, reason)
        for other in trunk.hosts:
            if other.rest is not None:
                self._on_down(trunk.name, other.host.name)

    def _tell(self, kind: str, trunk: _Trunk, reason: str, **where: Any) -> None:
        self._events.publish(kind, trunk=trunk.name, **where, reason=reason, cause=reason)


def _serves(answer: OptionsAnswer) -> bool:
    return answer.status is not None and answer.status not in _UNAVAILABLE


async def _best(asked: Sequence["asyncio.Future[OptionsAnswer]"]) -> OptionsAnswer:
    """The first answer that says that the host serves, or what the last one says.

    Does not wait for the others then.
    """
    found = OptionsAnswer(None, "no address")
    try:
        for answer in asyncio.as_completed(asked):
            found = await answer
            if _serves(found):
                break
        return found
    finally:
        for one in asked:
            one.cancel()
