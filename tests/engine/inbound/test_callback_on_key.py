"""The callback to be called back: what is asked for, when it is due, and why it may be refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.inbound import Inbound as Route
from engine.callbacks.intake import AcceptedRequest
from engine.calls.agent_wait import HELD_S
from engine.errors import EngineError
from engine.inbound.call_info import InboundCallInfo
from engine.inbound.callback_on_key import CallbackOnKey
from engine.inbound.caller.caller_id import CallingParty
from engine.inbound.services import InboundServices
from engine.job import Job
from engine.routing.admission import AdmissionQuery
from engine.routing.rules import Ruling
from tests.support.reception import ScriptedIntake
from tests.support.scene import Scene, run_scene

BOB = CallingParty("+442079461111", "sip:+442079461111@pbx", number="+442079461111", region="GB")
HIDDEN = CallingParty("anonymous", "sip:anonymous@anonymous.invalid")

Script = Callable[[CallbackOnKey, ScriptedIntake, Scene, list[str]], Awaitable[None]]


def run_callback_on_key(
    tmp_path: Path,
    conduct: Script,
    party: CallingParty = BOB,
    admission: Any = None,
    **ruling: Any,
) -> None:
    """Run a script with the callback that a caller of queue sales may ask for."""

    async def with_callback(stage: Scene) -> None:
        intake = ScriptedIntake()
        parts = cast(
            InboundServices,
            SimpleNamespace(intake=intake, admission=admission or stage.admission),
        )
        route = Route(name="shop", queue="sales", skills={"german": 2}, context={"site": "shop"})
        incoming = InboundCallInfo(
            call="call-1", route=route, trunk="one", party=party, dialled="+442079460000",
            default_whisper="For {context.site}", ruling=Ruling(**ruling),
        )  # fmt: skip
        refused: list[str] = []

        def accepted(job: Job) -> None:
            stage.services.events.publish("call.callback", callback=job.id)

        callback = CallbackOnKey(
            stage.services,
            parts,
            incoming,
            on_accepted=accepted,
            on_refused=refused.append,
            clock=lambda: 1000.0,
        )
        callback.joined_at = 900.0
        await conduct(callback, intake, stage, refused)

    run_scene(tmp_path, with_callback)


def test_it_asks_for_what_the_call_was(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, stage: Scene, refused: list[str]
    ) -> None:
        assert callback.can_call_back()
        assert await callback.request_callback() and callback.is_requested
        ((asked, joined_at),) = intake.accepted
        assert joined_at == 900.0
        assert (asked.id, asked.to, asked.queue) == ("call-1-callback", BOB.number, "sales")
        assert asked.whisper is not None and asked.whisper.text == "For shop"
        assert (asked.skills, asked.priority, asked.script) == (
            {"german": 2, "billing": 3}, 50, "gold.html",
        )  # fmt: skip
        assert asked.caller_id is None  # that of the call was for the agent
        assert asked.not_before == 1000.0 + HELD_S
        job = await callback.make_due()
        assert job is not None and intake.rescheduled == [job.id]
        assert stage.last("call.callback")["callback"] == job.id
        assert refused == []

    run_callback_on_key(
        tmp_path, script, priority=50, skills={"billing": 3}, script="gold.html", caller_id="1"
    )


def test_a_hidden_number_cannot_be_called(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, _intake: ScriptedIntake, _stage: Scene, refused: list[str]
    ) -> None:
        assert not callback.can_call_back()
        assert refused == ["the number is withheld"]
        assert await callback.make_due() is None

    run_callback_on_key(tmp_path, script, party=HIDDEN)


@pytest.mark.parametrize("extension", ["112", "999", "110", "911", "118118"])
def test_a_caller_who_says_to_be_an_emergency_number_is_not_called_back(
    tmp_path: Path, extension: str
) -> None:
    async def script(
        callback: CallbackOnKey, _intake: ScriptedIntake, _stage: Scene, refused: list[str]
    ) -> None:
        assert not callback.can_call_back()
        assert len(refused) == 1

    party = CallingParty(extension, f"sip:{extension}@pbx", extension=extension)
    run_callback_on_key(tmp_path, script, party=party)


def test_nor_one_that_admission_refuses(tmp_path: Path) -> None:
    class Admission:
        def check(self, query: AdmissionQuery, _now: float) -> None:
            raise EngineError("refused", f"{query.to} is not to be called")

    async def script(
        callback: CallbackOnKey, _intake: ScriptedIntake, stage: Scene, refused: list[str]
    ) -> None:
        assert not callback.can_call_back()
        assert refused == [f"{BOB.number} is not to be called"]

    run_callback_on_key(tmp_path, script, admission=Admission())


def test_one_that_was_refused_after_all_is_not_due(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, _stage: Scene, refused: list[str]
    ) -> None:
        intake.refusal = EngineError("unavailable", "draining")
        assert not await callback.request_callback() and not callback.is_requested
        assert refused == ["draining"]
        assert await callback.make_due() is None

    run_callback_on_key(tmp_path, script)


def test_the_request_holds_when_the_caller_hangs_up_meanwhile(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, _stage: Scene, _refused: list[str]
    ) -> None:
        intake.takes_s = 2.0
        taking = asyncio.create_task(callback.request_callback())
        await asyncio.sleep(1)
        taking.cancel()
        await asyncio.wait([taking])
        assert taking.cancelled() and callback.is_requested
        assert await callback.make_due() is not None
        assert len(intake.accepted) == len(intake.rescheduled) == 1

    run_callback_on_key(tmp_path, script)


def test_one_that_is_scheduled_or_joined_another_keeps_its_own_time(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, _stage: Scene, _refused: list[str]
    ) -> None:
        accept = intake.accept

        async def later(*args: Any, **more: Any) -> AcceptedRequest:
            accepted = await accept(*args, **more)
            accepted.job.scheduled = "out of calling hours"
            return accepted

        intake.accept = later  # type: ignore[method-assign]
        assert await callback.request_callback()
        assert await callback.make_due() is not None
        assert intake.rescheduled == []

    run_callback_on_key(tmp_path, script)


def test_a_caller_for_one_agent_is_called_back_by_the_queue_with_a_known_agent(
    tmp_path: Path,
) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, stage: Scene, _refused: list[str]
    ) -> None:
        stage.services.agents = cast(Any, {"alice"})
        assert await callback.request_callback()
        ((asked, _joined_at),) = intake.accepted
        assert (asked.queue, asked.agent, asked.known_agent) == ("sales", None, "alice")

    run_callback_on_key(tmp_path, script, agent="alice")


def test_a_removed_agent_is_not_asked_for(tmp_path: Path) -> None:
    async def script(
        callback: CallbackOnKey, intake: ScriptedIntake, stage: Scene, _refused: list[str]
    ) -> None:
        stage.services.agents = cast(Any, {"alice"})
        assert await callback.request_callback()
        ((asked, _joined_at),) = intake.accepted
        assert asked.known_agent is None

    run_callback_on_key(tmp_path, script, known_agent="bert")
