"""The engine's side of one media worker: starts the process, speaks to it, notices its end.

A worker that is there and does not answer is killed: its calls then end as those of a dead one.
"""

import asyncio
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from .detection_limits import DetectionLimits
from .detection_phrases import Phrases
from .errors import (
    BadAddress,
    MediaError,
    NoPortLeft,
    RecordingFailed,
    UnknownLeg,
    WorkerFailed,
    WorkerGone,
)
from .protocol import messages as m
from .protocol.channel import Connection
from .protocol.messages import Answer, Command, Event, LegStats, WorkerCounters
from .settings import MediaSettings
from .sources import Source, Tone
from .watchdog import PERIOD_S, Watchdog
from .worker_process import WorkerProcess

START_DEADLINE_S: Final = 20.0
DIGIT_DURATION_MS: Final = 100
DIGIT_GAP_MS: Final = 80
_MAX_DIGIT_MS: Final = 8000
ASIDE_PAIRS: Final = 32  # port pairs that are ready for legs; half of them gone, more are asked for
_UNASKED: Final = 0  # the number of a request whose answer nobody waits for

_REFUSALS: Final[dict[str, type[MediaError]]] = {
    "no_port_left": NoPortLeft,
    "unknown_leg": UnknownLeg,
    "recording_failed": RecordingFailed,
    "failed": MediaError,
}

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a leg receives RTP; RTCP is on the next port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Load:
    """How late a worker was in the second before `at` (of the loop's clock), and how busy."""

    late_s: float = 0.0
    busy: float = 0.0
    at: float = 0.0


def numeric_address(family: socket.AddressFamily, host: str) -> str:
    """`host` in its one usual spelling; raises BadAddress when it is no address of `family`."""
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except (OSError, ValueError) as error:
        kind = "IPv6" if family == socket.AF_INET6 else "IPv4"
        raise BadAddress(f"{host!r} is not an {kind} address") from error


class WorkerClient:
    """One worker process. Methods without `await` are sent by the end of the loop's turn.

    `on_event` gets what the legs report, in order. `on_died` is called once when the process
    ends without `stop`, with the reason; requests under way then raise WorkerGone.
    """

    def __init__(
        self,
        settings: MediaSettings,
        *,
        on_event: Callable[[Event], None],
        on_died: Callable[[str], None],
        watch_period_s: float = PERIOD_S,
    ) -> None:
        self._settings = settings
        self._family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
        self._on_event = on_event
        self._on_died = on_died
        self._process = WorkerProcess(settings)
        self._connection: Connection[Command, Answer | Event] | None = None
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._aside: deque[Endpoint] = deque()
        self._asking_aside: asyncio.Task[None] | None = None
        self._last_request = 0
        self._last_play = 0
        self._stopping = False
        self._hung = False
        self._watchdog = Watchdog(self._ask_for_life, self._kill_hung, period_s=watch_period_s)
        self._reaping: asyncio.Task[None] | None = None
        self._starting: asyncio.Future[None] | None = None
        self.load = Load()
        """What the worker last said of itself."""
        self.generation = 0
        """How many engines have spoken to the worker, this one included."""

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None when there is none."""
        return self._process.pid

    @property
    def socket_path(self) -> Path:
        """The Unix socket of the worker."""
        return self._process.socket_path

    @property
    def alive(self) -> bool:
        """Whether the worker can be spoken to, or will be in a moment."""
        is_open = self._connection is not None and self._connection.is_open
        return is_open or self._starting is not None

    async def start(self) -> None:
        """Start the process and wait until it answers. Raises WorkerFailed."""
        loop = asyncio.get_running_loop()
        self._stopping = True  # till it is ready, its death is the failure of this call
        await self._process.start()
        self._starting = ready = loop.create_future()
        connection: Connection[Command, Answer | Event]
        connection = Connection(m.report_decoder, self._receive_messages, self._lost)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                ours = await self._process.reach()
                await loop.create_connection(lambda: connection, sock=ours)
                self._connection = connection
                await self._greet()
                await self._set_aside()
            if not connection.is_open:
                raise WorkerGone("the media worker died")
        except (WorkerGone, TimeoutError) as error:
            await self._give_up()
            raise WorkerFailed("media worker ended before it was ready") from error
        except OSError as error:
            await self._give_up()
            raise WorkerFailed(f"media worker did not start: {error.strerror}") from error
        finally:
            self._starting = None
            ready.set_result(None)
        self._stopping = self._hung = False  # with no await since it was seen alive
        self._watchdog.start()

    async def _until_ready(self) -> None:
        """Wait for the end of the start, however it ends."""
        starting = self._starting
        assert starting is not None
        await asyncio.wait([starting], timeout=START_DEADLINE_S)

    async def _greet(self) -> None:
        """Say hello. Raises WorkerGone."""
        welcome = await self._ask(m.Welcome, m.Hello, m.VERSION)
        if welcome.version != m.VERSION:
            raise WorkerGone(f"the media worker speaks version {welcome.version} of the messages")
        self.generation = welcome.generation

    async def _give_up(self) -> None:
        """End a worker that did not become ready."""
        if self._connection is not None:
            self._connection.close()
        self._process.kill()
        await self._process.end()

    async def stop(self) -> None:
        """Close every leg and end the process. Without effect when it has ended."""
        self._stopping = True
        self._watchdog.stop()
        if self._connection is not None and self._connection.is_open:
            self._connection.send(m.Stop())
            self._connection.close()
        else:  # it has not been reached yet
            self._process.kill()
        await self._process.end()

    async def open(
        self, leg: str, *, beside: str | None = None, ports: tuple[int, int] | None = None
    ) -> Endpoint:
        """Bind a port pair for `leg`, of the range `ports` if any. Raises NoPortLeft, WorkerGone.

        It mostly has one that was set aside, and does not wait for the worker. `beside` names a leg
        of the same call; it matters to WorkerPool only.
        """
        if self._starting is not None:
            await self._until_ready()
        if ports is not None:
            answer = await self._ask(m.Opened, m.Open, leg, 0, ports)
            return Endpoint(answer.host, answer.port)
        aside = self._aside
        if len(aside) <= ASIDE_PAIRS // 2 and self._asking_aside is None and self.alive:
            self._asking_aside = asyncio.ensure_future(self._set_aside())
        if not aside and self._asking_aside is not None:
            await asyncio.shield(self._asking_aside)  # it may be getting the last ones
        connection = self._connection
        if aside and connection is not None and connection.is_open:
            endpoint = aside.popleft()
            # It has no effect until the leg is connected.
            connection.send_along(m.Open(_UNASKED, leg, endpoint.port))
            return endpoint
        answer = await self._ask(m.Opened, m.Open, leg)
        return Endpoint(answer.host, answer.port)

    async def _set_aside(self) -> None:
        connection = self._connection
        try:
            missing = ASIDE_PAIRS - len(self._aside)
            found = await self._ask(m.Aside, m.SetAside, missing)
            if connection is not None and connection.is_open:  # else they are gone with it
                self._aside += [Endpoint(found.host, port) for port in found.ports]
        except WorkerGone:
            pass  # the next one begins with none
        finally:
            self._asking_aside = None

    def connect(self, peer: m.Connect) -> None:
        """Say where the leg's peer is and what was agreed, first and after each re-INVITE.

        Before it, every packet for the leg is dropped. Raises BadAddress when the host is no
        numeric address of the worker's family, or a port is out of range.
        """
        host = numeric_address(self._family, peer.host)
        if not (0 <= peer.port <= 65535 and 0 < peer.rtcp_port <= 65535):
            raise BadAddress(f"port {peer.port} or {peer.rtcp_port} is out of range")
        try:
            sip_host = numeric_address(self._family, peer.sip_host)
        except BadAddress:  # of the other family: no RTP can come from it
            sip_host = ""
        self._send(msgspec.structs.replace(peer, host=host, sip_host=sip_host))

    def hear(self, leg: str, source: Source) -> int:
        """Let `leg` hear `source` from now on; returns the number that Played will carry."""
        self._last_play += 1
        self._send(m.Hear(leg, self._last_play, source))
        return self._last_play

    def announce(self, leg: str, source: Source, *, mix: bool = False, rounds: int = 1) -> int:
        """Let `leg` hear an announcement in place of what it hears, or over it.

        Returns the number that Played will carry. `rounds` is how often, 0: without end.
        """
        self._last_play += 1
        self._send(m.Announce(leg, self._last_play, source, mix, rounds))
        return self._last_play

    def stop_announcement(self, leg: str, play: int) -> None:
        """End an announcement, if `leg` hears it still."""
        self._send(m.StopAnnouncement(leg, play))

    def signal(self, leg: str, source: Tone) -> None:
        """Let `leg` hear a short tone over whatever it hears."""
        self._send(m.Signal(leg, source))

    def keep_ready(self, sources: Sequence[Source]) -> None:
        """Load these sounds in the background, in place of those said before."""
        self._send(m.KeepReady(tuple(sources)))

    def block_keys(self, leg: str, *, is_blocked: bool) -> None:
        """Keep the keys that the peer of `leg` presses from those who hear it, or no longer."""
        self._send(m.BlockKeys(leg, is_blocked))

    def detect(self, leg: str, limits: DetectionLimits, phrases: Phrases | None = None) -> None:
        """Tell from now on who or what speaks on a leg: Detected follows.

        With `phrases` a recogniser listens, too: `hear_words` has what it hears.
        """
        self._send(m.Detect(leg, limits, phrases))

    def hear_words(self, leg: str, text: str | None, *, is_final: bool = True) -> None:
        """A recogniser has heard this on a leg, or seems to; None: it has gone."""
        self._send(m.HearWords(leg, text, is_final))

    def stop_detecting(self, leg: str) -> None:
        """It is of no interest any more who or what speaks on a leg."""
        self._send(m.StopDetecting(leg))

    def bridge(self, a: str, b: str) -> None:
        """Let leg `a` hear leg `b` and the reverse."""
        self._send(m.Bridge(a, b))

    def send_digits(
        self,
        leg: str,
        digits: str,
        *,
        duration_ms: int = DIGIT_DURATION_MS,
        gap_ms: int = DIGIT_GAP_MS,
    ) -> None:
        """Send DTMF to the leg's peer as telephone-events, if it takes them.

        Raises ValueError for what is no DTMF digit, or a duration beyond 8 s.
        """
        if not set(digits.upper()) <= set("0123456789*#ABCD"):
            raise ValueError(f"{digits!r} are not DTMF digits")
        if not (0 < duration_ms <= _MAX_DIGIT_MS and 0 < gap_ms <= _MAX_DIGIT_MS):
            raise ValueError(f"{duration_ms} ms and {gap_ms} ms are not between 1 and 8000")
        self._send(m.SendDigits(leg, digits, duration_ms, gap_ms))

    async def record(
        self,
        a: str,
        b: str,
        path: str,
        *,
        channels: Literal[1, 2] = 2,
        min_free_bytes: int = 0,
        is_paused: bool = False,
    ) -> None:
        """Record two legs as WAV, `a` left, `b` right. Raises RecordingFailed, WorkerGone.

        See `Record` in messages.py for what is recorded without `b`, or with the same leg twice.
        """
        await self._ask(m.Done, m.Record, a, b, path, channels, min_free_bytes, is_paused)

    def stop_recording(self, a: str) -> "asyncio.Future[m.Recorded]":
        """End the recording of leg `a` now; the file is complete once the future is done.

        It raises RecordingFailed, WorkerGone.
        """
        return self._ask(m.Recorded, m.StopRecording, a)

    def pause_recording(self, a: str, *, pauses: bool) -> "asyncio.Future[m.RecordingAt]":
        """Pause the recording of leg `a` now, or go on with it. As `stop_recording`."""
        return self._ask(m.RecordingAt, m.PauseRecording, a, pauses)

    async def close(self, leg: str) -> LegStats | None:
        """Close the leg at once; its figures, None if it was not open. Raises WorkerGone."""
        return (await self._ask(m.Closed, m.Close, leg)).stats

    def discard(self, leg: str) -> None:
        """Close the leg, whether it is open or only about to be; its figures are not wanted."""
        self._send(m.Close(_UNASKED, leg))

    async def stats(self, leg: str) -> LegStats | None:
        """The figures of the leg so far, None if it is not open. Raises WorkerGone."""
        return (await self._ask(m.Stats, m.GetStats, leg)).stats

    async def counters(self) -> WorkerCounters:
        """The figures of the worker. Raises WorkerGone."""
        return (await self._ask(m.Counters, m.GetCounters)).counters

    def _send(self, command: Command) -> None:
        if self._connection is not None:
            self._connection.send(command)

    def _ask(
        self, answer: type[A], command: Callable[..., Command], *args: object
    ) -> "asyncio.Future[A]":
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        connection = self._connection
        if connection is None or not connection.is_open:
            future.set_exception(WorkerGone("the media worker is not running"))
            return future
        self._last_request += 1
        self._requests[self._last_request] = future
        connection.send(command(self._last_request, *args))
        return future

    def _ask_for_life(self) -> None:
        self._send(m.GetCounters(_UNASKED))

    def _kill_hung(self) -> None:
        self._hung = True
        self._process.kill()  # the end of the connection follows

    def _receive_messages(self, messages: list[Answer | Event]) -> None:
        self._watchdog.heard()
        for message in messages:
            if isinstance(message, Answer):
                future = self._requests.pop(message.request, None)
                if future is None or future.done():
                    continue
                if isinstance(message, m.Refused):
                    future.set_exception(_REFUSALS[message.kind](message.reason))
                else:
                    future.set_result(message)
            elif isinstance(message, m.WorkerLoad):
                at = asyncio.get_running_loop().time()
                self.load = Load(message.late_ms / 1e3, message.busy, at)
            else:
                self._on_event(message)

    def _lost(self, reason: str) -> None:
        self._watchdog.stop()
        self._aside.clear()
        requests, self._requests = self._requests, {}
        for future in requests.values():
            if not future.done():
                future.set_exception(WorkerGone("the media worker died"))
        if not self._stopping:
            self._reaping = asyncio.ensure_future(self._report_death(reason))

    async def _report_death(self, reason: str) -> None:
        pid = self._process.pid
        status = await self._process.end()
        if self._hung:
            reason = f"did not answer for {self._watchdog.deadline_s:g} s and was killed"
        elif status is not None and status < 0:
            reason = f"killed by {signal.Signals(-status).name}"
        elif status:
            reason = f"exit status {status}"
        self._on_died(f"media worker {pid}: {reason}")
