"""A reception: inbound calls with their queues, agents and rooms, in virtual time."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from config.agents import Agent, AgentDefaults
from config.calendars import Calendar
from config.inbound import Inbound as Route
from config.inbound import Room
from config.queues import Queue
from config.scripts import Script
from config.settings import Settings
from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.call_control.controlled_calls import ControlledCalls
from engine.callbacks.caller_takeover import CallerTakeover
from engine.callbacks.intake import AcceptedRequest, Intake
from engine.calls.announcing.waiting_room import WaitingRooms
from engine.calls.announcing.whisper import Announcer
from engine.calls.call_flow import CustomerHistory
from engine.errors import EngineError
from engine.inbound.caller.caller_verification import CallerVerification
from engine.inbound.inbound import Inbound
from engine.inbound.kept_positions import KeptPositions
from engine.inbound.page_owners import PageOwners
from engine.inbound.services import InboundServices
from engine.job import Job
from engine.job import Request as JobRequest
from engine.request import CallbackRequest
from engine.routing.peers import Peers
from engine.routing.router import Router
from engine.store.store import Store
from engine.webrtc.page_tokens import PageCalls
from sip.events import IncomingInvite
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone, incoming

from .scene import Scene, ScriptedSpeech, scene
from .virtual_loop import run

MUSIC = "music"


class Documents:
    """Takes the store's place where only documents are kept."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def put(self, kind: str, key: str, value: msgspec.Struct | Mapping[str, Any]) -> None:
        self.kept[kind, key] = value

    def drop(self, kind: str, key: str) -> None:
        self.kept.pop((kind, key), None)

    async def load(self, kind: str, _type: type[Any]) -> dict[str, Any]:
        return {key: value for (of, key), value in self.kept.items() if of == kind}


class NoBookings:
    """Every slot has room, but those that begin at one of `full`."""

    full: tuple[float, ...] = ()

    def check(self, params: CallbackRequest) -> None:
        if params.slot is not None and params.slot.start in self.full:
            raise EngineError("unavailable", "the slot is full", "slot")


class ScriptedIntake:
    """Takes the intake's place: what callbacks were asked for, and with which place."""

    def __init__(self) -> None:
        self.accepted: list[tuple[CallbackRequest, float | None]] = []
        self.rescheduled: list[str] = []
        self.refusal: EngineError | None = None
        self.bookings = NoBookings()
        self.takes_s = 0.0

    async def accept(
        self, params: CallbackRequest, *, queue_joined_at: float | None = None
    ) -> AcceptedRequest:
        await asyncio.sleep(self.takes_s)
        if self.refusal is not None:
            raise self.refusal
        self.accepted.append((params, queue_joined_at))
        request = JobRequest(to=params.to, queue=params.queue, not_before=params.not_before)
        return AcceptedRequest(Job(id=params.id or "cb-1", request=request, created=0.0))

    async def reschedule(self, job: Job, _change: Any) -> None:
        self.rescheduled.append(job.id)


@dataclass
class Reception:
    """The scene of `scene.py`, with everything that an inbound call needs."""

    stage: Scene
    inbound: Inbound
    parts: InboundServices
    agents: AgentRegistry
    queues: Queues
    intake: ScriptedIntake
    documents: Documents
    settings: Settings
    controlled: ControlledCalls

    def call(self, phone: ScriptedCaller | None = None, **more: Any) -> ScriptedCaller:
        """Somebody calls."""
        phone = phone or incoming(**more)
        self.inbound.on_invite(IncomingInvite(phone.session, phone.request))
        return phone

    def another(self) -> Inbound:
        """The same again, not started yet."""
        positions = KeptPositions(cast(Store, self.documents))
        parts = dataclasses.replace(self.parts, positions=positions)
        return Inbound(self.stage.services, parts, self.settings, handler=self.controlled)

    async def waiting(self, **more: Any) -> ScriptedCaller:
        """A caller has called, and the phone has acknowledged our answer."""
        phone = self.call(**more)
        async with asyncio.timeout(40):
            await phone.accepted.wait()
        phone.acknowledges()
        await asyncio.sleep(0.01)
        return phone

    async def waiting_alone(self, **more: Any) -> ScriptedCaller:
        """A caller waits, and no agent is free."""
        for agent in self.agents.all():
            self.agents.pause(agent.name)
        return await self.waiting(**more)

    async def answering_agent(self, *, ring_s: float = 1.0) -> ScriptedPhone:
        """The next agent who is rung; they have answered."""
        phone = await self.stage.phone()
        phone.rings()
        await asyncio.sleep(ring_s)
        phone.answers()
        await asyncio.sleep(0.01)
        return phone

    def heard(self, nth: int = 0) -> list[Any]:
        """What the nth leg of all was given to hear."""
        return list(self.stage.media.heard.values())[nth]

    def states(self) -> dict[str, str]:
        """The agents' states."""
        return {agent.name: agent.state for agent in self.agents.all()}


PAGE_ORIGIN = "https://shop.example"
"""The site of every page that calls."""

Conduct = Callable[[Reception], Awaitable[None]]


def reception(
    tmp_path: Path,
    script: Conduct,
    *,
    agents: tuple[str, ...] = ("alice",),
    queues: list[Queue] | None = None,
    routes: list[Route] | None = None,
    room: Mapping[str, Any] | None = None,
    rules: list[Any] | None = None,
    scripts: Sequence[Script] = (),
    calendars: Sequence[Calendar] = (),
    documents: Documents | None = None,
    speech: ScriptedSpeech | None = None,
    history: CustomerHistory | None = None,
    wrap_up_s: float = 0.0,
    trunk: Mapping[str, Any] | None = None,
    **dial: Any,
) -> Reception:
    """Play a script; afterwards nothing may be left, and no agent be on a call."""

    async def main() -> Reception:
        stage = scene(tmp_path, agents=agents, **dial)
        services, clock = stage.services, asyncio.get_running_loop().time
        register = AgentRegistry(
            [
                Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080", queues=["sales"])
                for name in agents
            ],
            defaults=AgentDefaults(wrap_up_s=wrap_up_s),
            events=services.events,
            clock=clock,
        )
        register.start()
        services.announcer = cast(Announcer, speech or ScriptedSpeech())
        services.agents = register
        services.queues = Queues(register, services.events, clock=clock)
        services.queues.start(queues or [Queue(name="sales", again_s=5.0)])
        services.rooms = WaitingRooms(
            [Room(name="default", **(room or {}))],
            announcer=services.announcer,
            hold=services.hold,
            clock=clock,
        )
        settings = Settings.model_validate({
            "inbound": [{"name": "shop", "queue": "sales"}] if routes is None else
                       [route.model_dump() for route in routes],
            "queues": [{"name": "sales"}],
            "trunks": [{"name": "one", "uri": "sip:127.0.0.1:5071", **(trunk or {})}],
            "rules": rules or [],
            "scripts": [
                {"name": one.name, "steps": [{"name": "x", "kind": "hangup"}]} for one in scripts
            ],
        })  # fmt: skip
        services.scripts.configure(scripts, calendars)
        intake = ScriptedIntake()
        kept = documents or Documents()
        pages = PageCalls(lambda _hop: PAGE_ORIGIN, services.registry.peers)
        parts = InboundServices(
            router=Router(settings),
            admission=stage.admission,
            intake=cast(Intake, intake),
            takeover=CallerTakeover(stage.dispatcher(clock)),
            history=history or stage.history,
            positions=KeptPositions(cast(Store, kept), clock=clock),
            peers=Peers(settings.trunks, settings.dial.allow_hosts, stage.sip.hops),
            verification=CallerVerification(settings.stir, clock=clock),
            page_calls=pages,
            page_owners=PageOwners(
                cast(Store, kept), cast(Intake, intake), pages, services.registry.calls
            ),
        )
        controlled = ControlledCalls(services, stage.admission, lambda: None)
        inbound = Inbound(services, parts, settings, handler=controlled, clock=clock)
        await inbound.start()
        desk = Reception(
            stage, inbound, parts, register, services.queues, intake, kept, settings, controlled
        )
        try:
            await script(desk)
            assert await inbound.idle(10_000.0)
            assert await controlled.idle(10_000.0)
        finally:
            await inbound.stop()
            await controlled.stop()
            services.queues.stop()
        stage.assert_nothing_left()
        assert not {"reserved", "ringing", "talking"} & set(desk.states().values())
        await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
        return desk

    return run(main())
