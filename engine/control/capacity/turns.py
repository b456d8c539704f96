"""Who is read from next, so that no client of the control socket holds up a call or another client.

Requests are read a line at a time, the principals in turn, and of each its connections in turn. One
turn of the event loop spends no more than TURN_S on them. What is costly has turns of its own: one
in a turn of the loop, and a pause after it, so that calls have most of the loop.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Generic, Protocol, TypeVar, cast, overload

from .budgets import Budgets

TURN_S: Final = 0.002
COSTLY_SHARE: Final = 0.3
"""How much of the loop's time costly requests take together, at most."""
BESIDE_S: Final = 0.00005
"""What the loop does for a costly step besides the step itself: futures, tasks, other threads."""
LONGEST_PAUSE_S: Final = 0.1
SHORTEST_PAUSE_S: Final = 0.001
"""The loop's timers know whole milliseconds, and take less than half of one for nothing."""

T = TypeVar("T")


class Reader(Protocol):
    """A connection that has lines to read."""

    @property
    def principal_name(self) -> str:
        """Who asks: those of one name share a turn, and a budget."""

    @property
    def has_budget(self) -> bool:
        """Whether it has a budget of the loop's time."""

    def read_line(self) -> bool:
        """Handle the next line. Returns whether there may be another."""


class Rounds(Generic[T]):
    """Things that wait, by principal; `next` takes one of each principal in turn."""

    def __init__(self) -> None:
        self._rings: OrderedDict[str, deque[T]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._rings)

    def enqueue(self, principal: str, thing: T) -> None:
        """It waits behind those of the same principal."""
        self._rings.setdefault(principal, deque()).append(thing)

    def next(self, pause_s: Callable[[str], float]) -> tuple[str, T] | None:
        """The next of a principal who has no pause; None: there is none."""
        for _ in range(len(self._rings)):
            principal, ring = self._rings.popitem(last=False)
            if pause_s(principal) > 0:
                self._rings[principal] = ring
                continue
            thing = ring.popleft()
            if ring:
                self._rings[principal] = ring
            return principal, thing
        return None

    def least(self, pause_s: Callable[[str], float]) -> float:
        """The shortest pause of the principals who have something waiting."""
        return min(map(pause_s, self._rings), default=0.0)


class Alarm:
    """Calls `ring` once, in a turn of the loop's own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.Handle | None = None
        self._at = 0.0

    def within(self, delay_s: float) -> None:
        """Ring after `delay_s`, or earlier where that was asked for already."""
        loop = asyncio.get_running_loop()
        at = loop.time() + delay_s
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        if delay_s > 0:
            self._handle = loop.call_later(delay_s, self._rings)
        else:
            self._handle = loop.call_soon(self._rings)

    def _rings(self) -> None:
        self._handle = None
        self._ring()


class Turns:
    """Gives connections their turns to be read, and costly requests theirs to be answered."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._budgets = Budgets(clock)
        self._readers: Rounds[Reader] = Rounds()
        self._reading = Alarm(self._read_some)
        self._costly: Rounds[asyncio.Future[None]] = Rounds()
        self._granting = Alarm(self._grant_next)
        self._is_granted = False
        self._rest_until = 0.0  # no costly step is made until then, by the clock

    # -- lines --------------------------------------------------------------------------------

    def read(self, reader: Reader) -> None:
        """Read from `reader` in its turn. It must not be waiting for one already."""
        principal = reader.principal_name
        self._readers.enqueue(principal, reader)
        self._reading.within(self._budgets.pause_s(principal))

    def _read_some(self) -> None:
        clock, pause_s = self._clock, self._budgets.pause_s
        began = now = clock()
        while now - began < TURN_S:
            found = self._readers.next(pause_s)
            if found is None:
                break
            principal, reader = found
            has_more = reader.read_line()
            before, now = now, clock()
            if reader.has_budget:
                self._budgets.spend(principal, now - before)
            if has_more:
                self._readers.enqueue(reader.principal_name, reader)
        if self._readers:
            self._reading.within(self._readers.least(pause_s))

    # -- costly requests ----------------------------------------------------------------------

    @overload
    def costly(self, reader: Reader, work: Callable[[], Awaitable[T]]) -> Awaitable[T]: ...

    @overload
    def costly(self, reader: Reader, work: Callable[[], T]) -> Awaitable[T]: ...

    def costly(self, reader: Reader, work: Callable[[], Awaitable[T] | T]) -> Awaitable[T]:
        """What `work` gives. It is begun, and each of its steps is made, in a turn of its own."""
        return _InTurns(self, reader, work)

    def charged(self, reader: Reader, work: Awaitable[T]) -> Awaitable[T]:
        """`work`, whose steps are made as they come; each is charged to the budget of `reader`."""
        return _Charged(self, reader, work) if reader.has_budget else work

    def ask(self, reader: Reader) -> "asyncio.Future[None]":
        """Done when a costly step may be made for `reader`; `made` has to follow."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._costly.enqueue(reader.principal_name, turn)
        if not self._is_granted:
            self._grant_soon(self._budgets.pause_s(reader.principal_name))
        return turn

    def _grant_soon(self, pause_s: float) -> None:
        rest_s = self._rest_until - self._clock()
        # A shorter rest is left out, and added to the next.
        self._granting.within(max(pause_s, rest_s if rest_s >= SHORTEST_PAUSE_S else 0.0))

    def made(self, reader: Reader, began: float) -> None:
        """A costly step was made, or is not wanted any more: the next may follow."""
        self.charge(reader, began)
        self._is_granted = False
        now = self._clock()
        left_out_s = max(0.0, self._rest_until - began)
        rest_s = left_out_s + (now - began + BESIDE_S) * (1 / COSTLY_SHARE - 1)
        self._rest_until = now + min(LONGEST_PAUSE_S, rest_s)
        if self._costly:
            self._grant_soon(self._costly.least(self._budgets.pause_s))

    def charge(self, reader: Reader, began: float) -> None:
        """What was done since `began` was done for `reader`."""
        if reader.has_budget:
            self._budgets.spend(reader.principal_name, self._clock() - began)

    def now(self) -> float:
        """The time by which steps are measured."""
        return self._clock()

    def _grant_next(self) -> None:
        if self._is_granted:
            return
        while found := self._costly.next(self._budgets.pause_s):
            turn = found[1]
            if not turn.done():  # the client is still there
                self._is_granted = True
                turn.set_result(None)
                return
        if self._costly:
            self._grant_soon(self._costly.least(self._budgets.pause_s))


class _Charged(Awaitable[T]):
    """An awaitable whose steps are timed."""

    def __init__(self, turns: Turns, reader: Reader, work: Awaitable[T]) -> None:
        self._turns = turns
        self._reader = reader
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        return (yield from self._steps(self._work))

    def _steps(self, work: Awaitable[T]) -> Generator[Any, Any, T]:
        steps = work.__await__()
        answer: Any = None
        failure: BaseException | None = None
        while True:
            if failure is None:
                try:
                    yield from self._before()
                except asyncio.CancelledError as error:  # `work` cleans up, in no turn
                    failure = error
            began = self._turns.now()
            try:
                waited_for = steps.send(answer) if failure is None else steps.throw(failure)
            except StopIteration as done:
                return cast(T, done.value)
            finally:
                self._after(began)
                # An error that a frame of its traceback holds is a circle, with all of the request.
                answer = failure = None
            try:
                answer = yield waited_for
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - work's to handle
                failure = error

    def _before(self) -> Generator[Any, Any, None]:
        """Wait until a step may be made."""
        yield from ()

    def _after(self, began: float) -> None:
        """A step that began then was made."""
        self._turns.charge(self._reader, began)


class _InTurns(_Charged[T]):
    """Work whose steps are made one in a costly turn."""

    def __init__(self, turns: Turns, reader: Reader, work: Callable[[], Awaitable[T] | T]) -> None:
        self._turns = turns
        self._reader = reader
        self._begin = work
        self._has_turn = False

    def __await__(self) -> Generator[Any, Any, T]:
        yield from self._before()
        began = self._turns.now()
        try:
            result = self._begin()
        finally:
            self._after(began)
        if isinstance(result, Awaitable):
            return (yield from self._steps(result))
        return result

    def _before(self) -> Generator[Any, Any, None]:
        turn = self._turns.ask(self._reader)
        try:
            yield from turn.__await__()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was granted in the same moment
                self._turns.made(self._reader, self._turns.now())
            raise
        self._has_turn = True

    def _after(self, began: float) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.made(self._reader, began)
        else:
            self._turns.charge(self._reader, began)
