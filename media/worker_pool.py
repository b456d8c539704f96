"""Several media workers behind the interface of one.

Both legs of a call live in the same worker where that can be. Where they do not, they hear each
other over a link (see worker_links.py). A worker that dies, or is killed because it hangs, is
started again, at growing intervals while it keeps dying; its legs are gone, the owner hears of it
which.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from msgspec import structs

from .detection_limits import DetectionLimits
from .detection_phrases import Phrases
from .errors import MediaError, NoPortLeft, UnknownLeg, WorkerFailed, WorkerGone
from .protocol.messages import (
    Connect,
    Event,
    LegFailed,
    LegStats,
    Played,
    Recorded,
    RecordingAt,
    WorkerCounters,
)
from .settings import MediaSettings
from .sources import Mix, Peer, Source, Tone
from .watchdog import PERIOD_S
from .worker_client import DIGIT_DURATION_MS, DIGIT_GAP_MS, Endpoint, WorkerClient
from .worker_links import WorkerLinks

FIRST_RESTART_S: Final = 0.1
LONGEST_RESTART_S: Final = 10.0
# A worker reports once a second while it has legs.
REPORTS_HOLD_S: Final = 5.0
MOST_REPAIRS: Final = 3  # of the links of one leg, which fail by a fault of the worker
_HEALTHY_S: Final = 30.0  # a worker that lived this long starts again at the first interval

OnDied = Callable[[str, list[str]], None]


class _Member:
    """One worker of the pool and the legs it carries."""

    __slots__ = ("client", "legs", "restart_s", "started_at", "starting")

    def __init__(self) -> None:
        self.client: WorkerClient
        self.legs: set[str] = set()
        self.restart_s = FIRST_RESTART_S
        self.started_at = 0.0
        self.starting: asyncio.Task[None] | None = None


class WorkerPool:
    """`workers` media workers, each with its own share of the ports.

    `on_died` gets the reason and the names of the legs that went with a worker; `on_restarted` is
    called when it works again. Legs are named by the caller; what is said about a leg that is
    gone has no effect, unless it is awaited: then it raises UnknownLeg or WorkerGone.
    """

    def __init__(
        self,
        settings: MediaSettings,
        *,
        on_event: Callable[[Event], None],
        on_died: OnDied,
        on_restarted: Callable[[], None] = lambda: None,
        workers: int = 1,
        watch_period_s: float = PERIOD_S,
    ) -> None:
        self._on_event = on_event
        self._on_died = on_died
        self._on_restarted = on_restarted
        self._members: list[_Member] = []
        self._by_leg: dict[str, _Member] = {}
        self._links = WorkerLinks()
        self._wishes: dict[str, int] = {}  # by leg: what it is to hear was said so often
        self._linked: dict[str, Source] = {}  # by leg: what it hears over links
        self._repairs: dict[str, int] = {}  # by leg: how often a link of it has failed
        self._joining: set[asyncio.Task[None]] = set()
        self._ready: tuple[Source, ...] = ()
        self._stopping = False
        self._ports = first, last = settings.ports
        share = (last - first + 1) // workers // 2 * 2
        for index in range(workers):
            member = _Member()
            low = first + index * share
            high = last if index == workers - 1 else low + share - 1
            member.client = WorkerClient(
                replace(settings, ports=(low, high)),
                on_event=self._on_worker_event,
                on_died=lambda reason, member=member: self._died(member, reason),  # type: ignore[misc]
                watch_period_s=watch_period_s,
            )
            self._members.append(member)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [member.client.pid for member in self._members if member.client.pid is not None]

    def load(self) -> tuple[float, float]:
        """How late (seconds) and how busy (0 to 1) the worker is that is the least so."""
        now = asyncio.get_running_loop().time()
        loads = [member.client.load for member in self._members if member.client.alive]
        fresh = [
            (load.late_s, load.busy) if now - load.at < REPORTS_HOLD_S else (0.0, 0.0)
            for load in loads
        ]
        return min(fresh, default=(0.0, 0.0))

    async def start(self) -> None:
        """Start all workers. Raises WorkerFailed; none is left running then."""
        self._stopping = False
        outcomes = await asyncio.gather(
            *(self._start(member) for member in self._members), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self.stop()
                raise outcome

    async def stop(self) -> None:
        """End all workers."""
        self._stopping = True
        for task in self._joining:
            task.cancel()
        for member in self._members:
            self._links.worker_gone(member.client)
            if member.starting is not None:
                member.starting.cancel()
                member.starting = None
            for leg in member.legs:
                self._by_leg.pop(leg, None)
            member.legs.clear()
        await asyncio.gather(*(member.client.stop() for member in self._members))

    async def open(
        self, leg: str, *, beside: str | None = None, ports: tuple[int, int] | None = None
    ) -> Endpoint:
        """Bind a port pair for `leg`, in the worker of leg `beside` if there is such.

        Where that worker has no port left it is another one, the one with the fewest legs first.
        `ports` is a range of its own, the first and the last port; None: the range of all.
        Raises NoPortLeft, WorkerGone.
        """
        near = self._by_leg.get(beside) if beside is not None else None
        alive = sorted(
            (member for member in self._members if member.client.alive),
            key=lambda member: (member is not near, len(member.legs)),
        )
        failure: MediaError = WorkerGone("no media worker is running")
        for member in alive:
            try:
                return await self._open_in(member, leg, ports)
            except NoPortLeft as error:
                failure = error
        raise failure

    async def _open_in(self, member: _Member, leg: str, ports: tuple[int, int] | None) -> Endpoint:
        member.legs.add(leg)
        self._by_leg[leg] = member
        try:
            return await member.client.open(leg, ports=None if ports == self._ports else ports)
        except asyncio.CancelledError:
            # The worker opens it all the same.
            self._forget(leg)
            member.client.discard(leg)
            raise
        except MediaError:
            self._forget(leg)
            raise

    def connect(self, peer: Connect) -> None:
        """As WorkerClient.connect. Raises BadAddress."""
        member = self._by_leg.get(peer.leg)
        if member is not None:
            member.client.connect(peer)
            if len(self._members) > 1:  # in a single worker nothing is linked
                self._links.described(peer)

    def hear(self, leg: str, source: Source) -> int:
        """As WorkerClient.hear; 0 when the leg is gone, or has to wait for a link."""
        member = self._by_leg.get(leg)
        if member is None:
            return 0
        wish = self._wish(leg)
        far = [one for one in _legs_in(source) if not self._is_in(one, member)]
        if not far:
            return member.client.hear(leg, source)
        self._linked[leg] = source
        self._join(self._hear_far(leg, member, source, far, wish), leg)
        return 0

    async def _hear_far(
        self, leg: str, member: _Member, source: Source, far: list[str], wish: int
    ) -> None:
        is_asking = isinstance(source, Peer) and source.is_asking
        near: dict[str, str] = {}
        failure: MediaError | None = None
        for one in far:
            try:
                near[one] = await self._near(one, member, is_asking=is_asking)
            except UnknownLeg:  # it has ended meanwhile: the others are heard
                near[one] = one
            except MediaError as error:
                near[one], failure = one, error
        if self._wishes.get(leg) == wish and self._by_leg.get(leg) is member:
            if failure is None or isinstance(source, Mix):
                member.client.hear(leg, _with_legs(source, near))
            if failure is not None:
                raise failure

    async def _near(self, leg: str, member: _Member, *, is_asking: bool = False) -> str:
        """The leg of this worker that stands for a leg of another. Raises MediaError."""
        far = self._client(leg)
        link = await self._links.get(leg, far, member.client, is_asking=is_asking)
        return link.near.name

    def _on_worker_event(self, event: Event) -> None:
        carried = self._links.failed(event.leg) if isinstance(event, LegFailed) else None
        if carried is None:
            self._on_event(event)
        else:
            self._link_again(carried)

    def _link_again(self, carried: str) -> None:
        """A link of a leg has failed: those whom it joined get another, a few times."""
        self._repairs[carried] = repairs = self._repairs.get(carried, 0) + 1
        for leg, source in tuple(self._linked.items()):
            if carried != leg and carried not in _legs_in(source):
                continue
            if repairs <= MOST_REPAIRS:
                self.hear(leg, source)
            else:
                self._on_event(LegFailed(leg))

    def _wish(self, leg: str) -> int:
        self._linked.pop(leg, None)
        self._wishes[leg] = wish = self._wishes.get(leg, 0) + 1
        return wish

    def _is_in(self, leg: str, member: _Member) -> bool:
        """Whether a leg is in this worker; one that is gone is nowhere else."""
        return self._by_leg.get(leg, member) is member

    def _join(self, work: Coroutine[Any, Any, None], leg: str) -> None:
        async def join() -> None:
            try:
                await work
            except MediaError as error:  # the party hears what it heard
                self._on_event(Played(leg, 0, f"it cannot be joined: {error}"))

        task = asyncio.get_running_loop().create_task(join())
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    def announce(self, leg: str, source: Source, *, mix: bool = False, rounds: int = 1) -> int:
        """As WorkerClient.announce; 0 when the leg is gone."""
        member = self._by_leg.get(leg)
        if member is None:
            return 0
        return member.client.announce(leg, source, mix=mix, rounds=rounds)

    def stop_announcement(self, leg: str, play: int) -> None:
        """As WorkerClient.stop_announcement."""
        if (member := self._by_leg.get(leg)) is not None:
            member.client.stop_announcement(leg, play)

    def signal(self, leg: str, source: Tone) -> None:
        """As WorkerClient.signal."""
        if (member := self._by_leg.get(leg)) is not None:
            member.client.signal(leg, source)

    def keep_ready(self, sources: Sequence[Source]) -> None:
        """Have every worker load these sounds in the background, also one that is started later."""
        self._ready = tuple(sources)
        for member in self._members:
            if member.client.alive:
                member.client.keep_ready(self._ready)

    def block_keys(self, leg: str, *, is_blocked: bool) -> None:
        """As WorkerClient.block_keys."""
        member = self._by_leg.get(leg)
        if member is not None:
            member.client.block_keys(leg, is_blocked=is_blocked)

    def detect(self, leg: str, limits: DetectionLimits, phrases: Phrases | None = None) -> None:
        """As WorkerClient.detect."""
        member = self._by_leg.get(leg)
        if member is not None:
            member.client.detect(leg, limits, phrases)

    def hear_words(self, leg: str, text: str | None, *, is_final: bool = True) -> None:
        """As WorkerClient.hear_words."""
        member = self._by_leg.get(leg)
        if member is not None:
            member.client.hear_words(leg, text, is_final=is_final)

    def stop_detecting(self, leg: str) -> None:
        """As WorkerClient.stop_detecting."""
        member = self._by_leg.get(leg)
        if member is not None:
            member.client.stop_detecting(leg)

    def bridge(self, a: str, b: str) -> None:
        """As WorkerClient.bridge."""
        member, other = self._by_leg.get(a), self._by_leg.get(b)
        if member is None:
            return
        wishes = {leg: self._wish(leg) for leg in (a, b)}
        if other is None or other is member:
            member.client.bridge(a, b)
        else:
            self._linked |= {a: Peer(b), b: Peer(a)}
            self._join(self._bridge_far(a, b, (member, other), wishes), a)

    async def _bridge_far(
        self, a: str, b: str, members: tuple[_Member, _Member], wishes: Mapping[str, int]
    ) -> None:
        here, there = members
        link = await self._links.get(b, there.client, here.client)
        for leg, member, end in ((a, here, link.near), (b, there, link.far)):
            if self._by_leg.get(leg) is not member:
                continue
            if self._wishes.get(leg) == wishes[leg]:
                member.client.bridge(leg, end.name)
            else:  # it hears something else by now, and is heard all the same
                member.client.hear(end.name, Peer(leg))

    def are_together(self, a: str, b: str) -> bool:
        """Whether two legs are open, so that they can be bridged, in one worker or over a link."""
        return a in self._by_leg and b in self._by_leg

    def send_digits(
        self,
        leg: str,
        digits: str,
        *,
        duration_ms: int = DIGIT_DURATION_MS,
        gap_ms: int = DIGIT_GAP_MS,
    ) -> None:
        """As WorkerClient.send_digits. Raises ValueError."""
        member = self._by_leg.get(leg)
        if member is not None:
            member.client.send_digits(leg, digits, duration_ms=duration_ms, gap_ms=gap_ms)

    async def record(
        self,
        a: str,
        b: str,
        path: str,
        *,
        channels: Literal[1, 2] = 2,
        min_free_bytes: int = 0,
        begins_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """As WorkerClient.record; `b` may have another worker.

        `begins_paused` is asked as the worker is told: that of `b` may have to be linked before.
        """
        client, member = self._client(a), self._by_leg[a]
        if b and not self._is_in(b, member):
            b = await self._near(b, member)
        await client.record(
            a,
            b,
            path,
            channels=channels,
            min_free_bytes=min_free_bytes,
            is_paused=begins_paused(),
        )

    def stop_recording(self, a: str) -> "asyncio.Future[Recorded]":
        """As WorkerClient.stop_recording. Raises UnknownLeg."""
        return self._client(a).stop_recording(a)

    def pause_recording(self, a: str, *, pauses: bool) -> "asyncio.Future[RecordingAt]":
        """As WorkerClient.pause_recording. Raises UnknownLeg."""
        return self._client(a).pause_recording(a, pauses=pauses)

    async def close(self, leg: str) -> LegStats | None:
        """As WorkerClient.close; None also when the leg went with its worker."""
        member = self._by_leg.get(leg)
        if member is None:
            return None
        self._forget(leg)
        try:
            return await member.client.close(leg)
        except WorkerGone:
            return None

    async def stats(self, leg: str) -> LegStats | None:
        """As WorkerClient.stats; None also when the leg went with its worker."""
        member = self._by_leg.get(leg)
        if member is None:
            return None
        try:
            return await member.client.stats(leg)
        except WorkerGone:
            return None

    async def counters(self) -> list[WorkerCounters]:
        """The figures of each worker that runs."""
        clients = [member.client for member in self._members if member.client.alive]
        answers = await asyncio.gather(
            *(client.counters() for client in clients), return_exceptions=True
        )
        return [answer for answer in answers if isinstance(answer, WorkerCounters)]

    def _client(self, leg: str) -> WorkerClient:
        member = self._by_leg.get(leg)
        if member is None:
            raise UnknownLeg(f"leg {leg} is not open")
        return member.client

    def _forget(self, leg: str) -> None:
        member = self._by_leg.pop(leg, None)
        if member is not None:
            member.legs.discard(leg)
            self._links.closed(leg)
            for known in (self._wishes, self._linked, self._repairs):
                known.pop(leg, None)

    def _died(self, member: _Member, reason: str) -> None:
        legs = sorted(member.legs)
        for leg in legs:
            self._forget(leg)
        self._links.worker_gone(member.client)
        if not self._stopping:
            member.starting = asyncio.ensure_future(self._restart(member))
        self._on_died(reason, legs)

    async def _start(self, member: _Member) -> None:
        await member.client.start()
        if self._ready:
            member.client.keep_ready(self._ready)
        member.started_at = asyncio.get_running_loop().time()

    async def _restart(self, member: _Member) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - member.started_at >= _HEALTHY_S:
            member.restart_s = FIRST_RESTART_S
        while True:
            await asyncio.sleep(member.restart_s)
            member.restart_s = min(LONGEST_RESTART_S, 2 * member.restart_s)
            try:
                await self._start(member)
            except WorkerFailed:
                continue
            break
        member.starting = None
        self._on_restarted()


def _legs_in(source: Source) -> tuple[str, ...]:
    """The legs that a source is made of."""
    match source:
        case Peer():
            return (source.leg,)
        case Mix():
            return source.legs
        case _:
            return ()


def _with_legs(source: Source, near: Mapping[str, str]) -> Source:
    """The same source with other legs in place of some."""
    match source:
        case Peer():
            return structs.replace(source, leg=near.get(source.leg, source.leg))
        case Mix():
            return Mix(tuple(near.get(leg, leg) for leg in source.legs))
        case _:
            return source
