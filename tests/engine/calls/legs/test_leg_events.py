"""Events of SIP and of media workers reach the leg that they are about, and no other."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from engine.callbacks.retry import Outcome
from engine.calls.legs.leg_events import LegEvents
from media.protocol.messages import Dtmf, RecordingEnded
from sip import events as sip_events
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, run_scene


@dataclass
class UnderWay:
    """A recording that is written, and what it hears."""

    leg_id: str
    seen: list[RecordingEnded] = field(default_factory=list)

    def over(self, event: RecordingEnded) -> None:
        self.seen.append(event)

    def silenced(self, _reason: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()


REGISTERED = sip_events.RegistrationChanged(cast(Any, None), "registered", 200, "OK", 600)


async def under_way(
    stage: Scene,
) -> tuple[LegEvents, ScriptedPhone, "asyncio.Future[Outcome]"]:
    """A callback whose agent's phone rings, and the attempt's end."""
    plan = stage.services.dialplan
    attempt = stage.attempt(
        callback_job(),
        agent=plan.destination("alice", field="agent"),
        customer=plan.destination("sip:bob@127.0.0.1", field="to"),
    )
    running = asyncio.ensure_future(attempt.run())
    phone = await stage.phone()
    phone.rings()
    return LegEvents(stage.services.registry, stage.services.events), phone, running


def test_each_event_reaches_its_leg(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        events, phone, running = await under_way(stage)
        (leg,) = stage.services.registry.legs.values()
        events.on_media(Dtmf("another-leg", "1", 100))
        events.on_media(Dtmf(leg.id, "5", 100))
        assert stage.seen("leg.dtmf") == ["leg.dtmf"]
        assert stage.last("leg.dtmf")["digit"] == "5"
        cause = sip_events.Cause(486, "Busy Here", "remote")
        events.on_sip(REGISTERED)
        events.on_sip(sip_events.Failed(phone.session, cause))
        await running
        assert stage.last("leg.ended")["sip_status"] == 486

    run_scene(tmp_path, script)


def test_a_worker_that_dies_ends_its_legs(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        events, _phone, running = await under_way(stage)
        (leg,) = stage.services.registry.legs.values()
        stage.media.open_legs.clear()
        recorded, elsewhere = UnderWay(leg.id), UnderWay("in another worker")
        stage.services.registry.recordings |= {"a.wav": recorded, "b.wav": elsewhere}
        events.on_media_died("killed", ["of another engine", leg.id])
        assert recorded.seen == [RecordingEnded("a.wav", "killed")] and elsewhere.seen == []
        await running
        events.on_media_restarted([7])
        died = stage.last("engine.media_worker_died")
        assert (died["reason"], died["legs"]) == ("killed", 2)
        assert stage.last("leg.ended")["reason"] == "media worker died"
        assert stage.seen("engine.")[-1] == "engine.media_worker_started"

    run_scene(tmp_path, script)


def test_a_recording_that_failed_is_said_of_its_call_or_of_none(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        registry = stage.services.registry
        recording = UnderWay("leg-1")
        seen = recording.seen
        registry.recordings["a.wav"] = recording
        events = LegEvents(registry, stage.services.events)
        events.on_media(RecordingEnded("a.wav"))
        events.on_media(RecordingEnded("a.wav", "no space left"))
        assert [one.error for one in seen] == [None, "no space left"] and stage.seen(
            "recording."
        ) == []
        events.on_media(RecordingEnded("b.wav", "no space left"))  # its call is over
        failed = stage.last("recording.failed")
        assert (failed["path"], failed["reason"]) == ("b.wav", "no space left")

    run_scene(tmp_path, script)
