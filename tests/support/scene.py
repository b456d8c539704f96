"""The services of calls around scripted phones, for call flows in virtual time.

Agents, queues, routing and events are the engine's own. SIP, media, speech and the store are
scripted. `reception.py` has the same for calls that come in, `staffed.py` puts agents in.
"""

import asyncio
import wave
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from config.agents import Agent
from config.inbound import Room
from config.recording import Recording as RecordingSettings
from config.sections import Dial, Route, Trunk
from config.spoken import Texts
from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.callbacks.attempts.attempt import Attempt
from engine.callbacks.attempts.attempt_services import AttemptServices
from engine.callbacks.dispatcher import Dispatcher
from engine.callbacks.open_jobs import OpenJobs
from engine.calls.announcing.plays import Plays
from engine.calls.announcing.sound_files import SoundFiles
from engine.calls.announcing.waiting_room import WaitingRooms
from engine.calls.announcing.whisper import Announcement, Announcer, Unspoken, Whisper
from engine.calls.answering.answer_words import AnswerDetection
from engine.calls.call import CallRegistry
from engine.calls.call_flow import CustomerHistory
from engine.calls.keys.gathers import Gathers
from engine.calls.legs.agent_lines import AgentLines
from engine.calls.services import CallServices
from engine.clock import Clock
from engine.job import Job
from engine.recordings.library import RecordingLibrary
from engine.routing.admission import Admission
from engine.routing.blocking.do_not_call import DoNotCall
from engine.routing.dialplan import Dialplan
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.targets.destination import Destination
from engine.store.event_log import EventLog
from engine.store.kept_events import Event
from engine.store.store import Store, StoreError
from media.detection_limits import DetectionLimits
from media.detection_phrases import Phrases
from media.errors import NoPortLeft, RecordingFailed
from media.protocol.messages import Connect, LegStats, Played, PlayEnd, Recorded, RecordingAt
from media.sources import Hold, Peer, Prompt, Ringing, Source
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint
from sip.sdp.offer_answer import LocalAudio

from .phones.scripted import ScriptedPhone, ScriptedSip
from .quiet_speech import QuietSynthesizer
from .scripted_recognition import ScriptedRecogniser
from .virtual_loop import run

DEADLINE_S = 1000.0

T = TypeVar("T")


@dataclass
class ScriptedMedia:
    """Takes the place of WorkerPool: keeps what each leg hears."""

    heard: dict[str, list[Source]] = field(default_factory=dict)
    open_legs: set[str] = field(default_factory=set)
    connected: list[tuple[str, str]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    sources: list[tuple[str, str, bool]] = field(default_factory=list)
    peers: list[Connect] = field(default_factory=list)
    digits: list[tuple[str, str, int]] = field(default_factory=list)
    port_left: bool = True
    plays: int = 0
    ends_plays: bool = True
    ends_announcements: bool = False
    records: bool = True
    recorded_s: float = 0.1
    record_takes_s: float = 0.0
    recorded: list[tuple[str, str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    paused: list[tuple[str, bool]] = field(default_factory=list)
    announced: list[tuple[str, Source, bool, int]] = field(default_factory=list)
    signals: list[tuple[str, Source]] = field(default_factory=list)
    blocked: list[tuple[str, bool]] = field(default_factory=list)
    detecting: list[str] = field(default_factory=list)
    phrases: list[Phrases | None] = field(default_factory=list)
    words: list[tuple[str, str | None, bool]] = field(default_factory=list)
    stop_asked: list[int] = field(default_factory=list)
    announcements: dict[int, str] = field(default_factory=dict)
    register: CallRegistry | None = None

    def load(self) -> tuple[float, float]:
        """As WorkerPool.load: it is never late."""
        return 0.0, 0.0

    def keep_ready(self, sources: Sequence[Source]) -> None:
        """As WorkerPool.keep_ready: it has every sound at once."""

    async def open(
        self, leg: str, *, beside: str | None = None, ports: tuple[int, int] | None = None
    ) -> Any:
        if not self.port_left:
            raise NoPortLeft("no RTP port left in 10000-19999")
        self.open_legs.add(leg)
        self.heard[leg] = []
        return LocalAudio(host="127.0.0.1", port=10000)

    def connect(self, peer: Connect) -> None:
        self.connected.append((peer.leg, peer.direction))
        self.ports.append(peer.port)
        self.sources.append((peer.sip_host, peer.rtp, peer.relearn))
        self.peers.append(peer)

    def are_together(self, a: str, b: str) -> bool:
        """As WorkerPool.are_together: there is one worker."""
        return {a, b} <= self.open_legs

    def send_digits(
        self, leg: str, digits: str, *, duration_ms: int, gap_ms: int | None = None
    ) -> None:
        self.digits.append((leg, digits, duration_ms))

    def hear(self, leg: str, source: Source) -> int:
        self.plays += 1
        self.heard[leg].append(source)
        if self.ends_plays and self.register is not None:
            play = self.plays
            asyncio.get_running_loop().call_later(2.0, self._played, leg, play)
        return self.plays

    def announce(self, leg: str, source: Source, *, mix: bool, rounds: int) -> int:
        """As WorkerPool.announce. It ends by `end_announcement`, or (`ends_announcements`) soon."""
        self.plays += 1
        self.announced.append((leg, source, mix, rounds))
        self.announcements[self.plays] = leg
        if self.ends_announcements:
            asyncio.get_running_loop().call_later(1.0, self.end_announcement, self.plays)
        return self.plays

    def signal(self, leg: str, source: Source) -> None:
        """As WorkerPool.signal."""
        self.signals.append((leg, source))

    def detect(self, leg: str, limits: DetectionLimits, phrases: Phrases | None = None) -> None:
        """As WorkerPool.detect."""
        self.detecting.append(leg)
        self.phrases.append(phrases)

    def hear_words(self, leg: str, text: str | None, *, is_final: bool = True) -> None:
        """As WorkerPool.hear_words."""
        self.words.append((leg, text, is_final))

    def stop_detecting(self, leg: str) -> None:
        """As WorkerPool.stop_detecting."""
        if leg in self.detecting:
            self.detecting.remove(leg)

    def block_keys(self, leg: str, *, is_blocked: bool) -> None:
        """As WorkerPool.block_keys."""
        self.blocked.append((leg, is_blocked))

    def stop_announcement(self, leg: str, play: int) -> None:
        """As WorkerPool.stop_announcement: the answer comes in the next turn of the loop."""
        self.stop_asked.append(play)
        if self.register is not None and self.announcements.get(play) == leg:
            asyncio.get_running_loop().call_soon(self.end_announcement, play, "stopped")

    def end_announcement(self, play: int, end: PlayEnd = "finished", error: str = "") -> None:
        """The worker reports that an announcement has ended."""
        assert self.register is not None
        leg = self.announcements.pop(play, "")
        if leg in self.register.legs:
            said = Played(leg, play, error or None, end=end, heard_ms=700)
            self.register.legs[leg].on_media(said)

    def _played(self, leg: str, play: int) -> None:
        assert self.register is not None
        if leg in self.register.legs:
            self.register.legs[leg].on_media(Played(leg, play))

    def bridge(self, a: str, b: str) -> None:
        self.heard[a].append(Peer(b))
        self.heard[b].append(Peer(a))

    async def record(
        self,
        a: str,
        b: str,
        path: str,
        *,
        channels: int = 2,
        min_free_bytes: int = 0,
        begins_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        if not self.records:
            raise RecordingFailed(f"{path}: no room")
        self.recorded.append((a, b, path))
        if begins_paused():
            self.paused.append((a, True))
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as sound:
            sound.setparams((channels if b else 1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(max(3200, 2 * int(8000 * self.recorded_s))))
        if self.record_takes_s:
            await asyncio.sleep(self.record_takes_s)

    async def stop_recording(self, a: str) -> Recorded:
        self.stopped.append(a)
        return Recorded(0, self.recorded_s, 3244)

    async def pause_recording(self, a: str, *, pauses: bool) -> RecordingAt:
        self.paused.append((a, pauses))
        return RecordingAt(0, float(len(self.paused)))

    async def stats(self, leg: str) -> LegStats:
        return LegStats(packets_received=1)

    async def close(self, leg: str) -> LegStats | None:
        self.open_legs.discard(leg)
        return LegStats(packets_received=2)


class ScriptedSpeech:
    """Takes the place of Announcer where texts are spoken: each is a prompt named after it."""

    def __init__(self) -> None:
        self.fails = False
        self.sounds = SoundFiles()

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
    ) -> Announcement | Unspoken:
        return Unspoken("no voice") if self.fails else Announcement(Prompt(text))

    def speak_beforehand(self, text: str, _voice: str = "") -> None:
        """Nothing has to be spoken."""

    def prepare(self, job: Job) -> "asyncio.Future[Whisper]":
        return asyncio.ensure_future(self._prepare(job.request.whisper or {}))

    def discard(self, whisper: "asyncio.Future[Whisper]") -> None:
        whisper.cancel()

    def forget(self, _spoken: Announcement) -> None:
        """Nothing has to be deleted."""

    async def _prepare(self, whisper: Mapping[str, Any]) -> Whisper:
        text = whisper.get("text") or whisper.get("template")
        return await self.speak(text) if text else None


class ScriptedStore:
    """Keeps the last image of each job."""

    def __init__(self) -> None:
        self.jobs: dict[str, bytes] = {}
        self.documents: dict[tuple[str, str], bytes] = {}
        self.failure: StoreError | None = None
        self.executed: list[tuple[Any, ...]] = []

    def execute(self, _statement: str, values: tuple[Any, ...] = ()) -> None:
        self.executed.append(values)

    def save(self, job: Job, *, durable: bool = False) -> "asyncio.Future[None]":
        self.jobs[job.id] = msgspec.json.encode(job)
        saved = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            saved.set_exception(self.failure)
            saved.exception()
        else:
            saved.set_result(None)
        return saved

    def put(self, kind: str, key: str, value: Any) -> None:
        self.documents[kind, key] = msgspec.json.encode(value)

    def document(self, kind: str, key: str, type: Any) -> Any:
        found = self.documents.get((kind, key))
        return None if found is None else msgspec.json.decode(found, type=type)

    async def save_or_undo(self, job: Job, undo: Callable[[], None]) -> None:
        try:
            await self.save(job, durable=True)
        except StoreError:
            undo()
            raise


class NoHistory:
    """The history of numbers that have never been called."""

    def of(self, _called: str | None, /) -> list[dict[str, Any]]:
        return []


@dataclass
class Scene:
    """The services of calls with their scripted parts, and the events so far."""

    services: CallServices
    sip: ScriptedSip
    media: ScriptedMedia
    store: ScriptedStore
    recogniser: ScriptedRecogniser
    admission: Admission
    history: CustomerHistory = field(default_factory=NoHistory)
    open_jobs: OpenJobs = field(default_factory=OpenJobs)

    def attempt(self, job: Job, *, agent: Destination | None, customer: Destination) -> Attempt:
        """One attempt of a job, not begun yet."""
        return Attempt(
            self.services,
            job,
            agent=agent,
            customer=customer,
            shared=self.for_attempts(self.open_jobs),
        )

    def for_attempts(self, open_jobs: OpenJobs) -> AttemptServices:
        """What attempts use, beside these open jobs."""
        return AttemptServices.of(self.services, self.admission, self.history, open_jobs)

    def dispatcher(self, clock: Callable[[], float]) -> Dispatcher:
        """A dispatcher whose wall clock, and that of its attempts, is the given one."""
        self.services.clock = Clock(clock, clock)
        return Dispatcher(
            self.services,
            admission=self.admission,
            history=self.history,
            clock=clock,
        )

    async def phone(self) -> ScriptedPhone:
        """The next phone to be called."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.sip.phones.get()

    def stored(self, job_id: str) -> Job:
        """A job as the store has it."""
        return msgspec.json.decode(self.store.jobs[job_id], type=Job)

    async def ended(self, job: Job, *, within_s: float = 10_000.0) -> None:
        """Wait until a job has ended, and a moment longer for what follows its end."""
        over = asyncio.Event()

        def on_event(_event: Event) -> None:
            if job.is_terminal:
                over.set()

        self.services.events.listen(on_event)
        try:
            async with asyncio.timeout(within_s):
                if not job.is_terminal:
                    await over.wait()
        except TimeoutError:
            raise AssertionError(f"job is still {job.state}") from None
        finally:
            self.services.events.forget(on_event)
        await asyncio.sleep(0.1)

    def seen(self, prefix: str = "") -> list[str]:
        """Types of the events so far that begin with `prefix`."""
        return [
            event.type for event in self.services.events.after(0) if event.type.startswith(prefix)
        ]

    def last(self, kind: str) -> dict[str, Any]:
        """The newest event of this type."""
        lines = [event.line for event in self.services.events.after(0) if event.type == kind]
        params: dict[str, Any] = msgspec.json.decode(lines[-1])["params"]
        return params

    def assert_nothing_left(self) -> None:
        """No leg, no call, no port stays behind."""
        assert not self.media.open_legs
        assert not self.services.registry.legs
        assert not self.services.registry.calls


def trunk(name: str, port: int, **more: Any) -> Trunk:
    return Trunk(name=name, uri=f"sip:127.0.0.1:{port}", **more)


def scene(
    tmp_path: Path,
    *,
    trunks: list[Trunk] | None = None,
    routes: list[Route] | None = None,
    agents: tuple[str, ...] = ("alice",),
    **dial: Any,
) -> Scene:
    """The services of calls, with agent alice (or `agents`) and two trunks for every number."""
    trunks = [trunk("one", 5071), trunk("two", 5072)] if trunks is None else trunks
    if routes is None:
        routes = [Route(prefix="+", trunks=[one.name for one in trunks])] if trunks else []
    sip, media, store = ScriptedSip(), ScriptedMedia(), ScriptedStore()
    registry = CallRegistry()
    media.register = registry
    recogniser = ScriptedRecogniser(media, registry)
    settings = Dial(**dial)
    events, nobody, hold = EventLog(), AgentRegistry([], events=EventLog()), Hold()
    announcer = Announcer(QuietSynthesizer(tmp_path / "speech"))
    do_not_call = DoNotCall(events=events)
    endpoint, pool = cast(SipEndpoint, sip), cast(WorkerPool, media)
    services = CallServices(
        sip=endpoint,
        media=pool,
        dialplan=Dialplan(
            trunks=trunks,
            routes=routes,
            agents=[Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080") for name in agents],
            allow_hosts=settings.allow_hosts,
            plan=NumberPlan(settings.default_region),
            do_not_call=do_not_call,
        ),
        events=events,
        store=cast(Store, store),
        announcer=announcer,
        registry=registry,
        agents=nobody,
        queues=Queues(nobody, events),
        lines=AgentLines(nobody, sip=endpoint, media=pool, registry=registry, hold=hold),
        rooms=WaitingRooms(
            [Room(name="default", texts=Texts(left_waiting=""))], announcer=announcer, hold=hold
        ),
        dial=settings,
        hold=hold,
        ringing=Ringing("GB"),
        recordings=RecordingLibrary(
            cast(Store, store), events, tmp_path / "recordings", RecordingSettings(min_free_mib=0)
        ),
        gathers=Gathers(
            Plays(registry, announcer, hold=hold, country="GB"),
            recogniser.recognitions,
            registry,
            lambda _call: (),
        ),
        detection=AnswerDetection(recognitions=recogniser.recognitions),
        clock=Clock(_now, _now),
    )
    return Scene(services, sip, media, store, recogniser, Admission(do_not_call=do_not_call))


def run_scene(directory: Path, script: Callable[[Scene], Awaitable[T]], **options: Any) -> T:
    """Run a script in a scene with these options, in virtual time. No leg or port may be left."""

    async def main() -> T:
        stage = scene(directory, **options)
        result = await script(stage)
        stage.assert_nothing_left()
        return result

    return run(main())


def run_with_dispatcher(
    directory: Path,
    script: Callable[[Scene, Dispatcher], Awaitable[None]],
    *,
    start_s: float = 0.0,
    **options: Any,
) -> None:
    """Run a script with a dispatcher whose wall clock is the virtual one, from `start_s` on."""

    async def with_dispatcher(stage: Scene) -> None:
        await asyncio.sleep(start_s)
        await script(stage, stage.dispatcher(asyncio.get_running_loop().time))

    run_scene(directory, with_dispatcher, **options)


def _now() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # before the script runs
        return 0.0
