"""call.list, call.get and call.hangup: which call is meant, and what cannot be hung up."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.call import Call
from engine.control.methods.calls import CallMethods
from engine.errors import BadParams, EngineError
from media.errors import WorkerGone
from tests.support.jobs import callback_job
from tests.support.method_call import call_method
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff


def test_a_call_is_found_by_its_id_and_by_those_of_its_legs(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        registry = stage.services.registry
        methods = CallMethods(registry, dispatcher, stage.services.dialplan).table()
        assert (await call_method(methods, "call.list"))["calls"] == []
        under_test = callback_job()
        dispatcher.submit(under_test)
        phone = await stage.phone()
        phone.answers()
        customer = await stage.phone()
        (call,) = (await call_method(methods, "call.list"))["calls"]
        assert (call["job"], call["state"]) == ("job-1", "dialing_customer")
        agent_leg, customer_leg = (leg["leg"] for leg in call["legs"])
        for by in ({"call": call["call"]}, {"leg": agent_leg}, {"leg": customer_leg}):
            found = await call_method(methods, "call.get", **by)
            assert found["call"] == call["call"]
        with pytest.raises(EngineError, match="agent and customer do not talk now"):
            order = {"call": call["call"], "leg": agent_leg, "to": "alice"}
            await call_method(methods, "call.transfer", **order)
        # Its figures are those of this moment.
        assert found["legs"][0]["media"]["packets_received"] == 1
        for by, reason in (({"call": "none"}, "no call none"), ({"leg": "none"}, "no leg none")):
            with pytest.raises(EngineError, match=reason):
                await call_method(methods, "call.get", **by)
        await call_method(methods, "call.hangup", leg=customer_leg)
        assert customer.is_hung_up
        with pytest.raises(EngineError, match="has already ended") as refused:
            await call_method(methods, "call.hangup", leg=customer_leg)
        assert (refused.value.kind, refused.value.field) == ("state", "leg")
        await stage.ended(under_test)

    run_with_staff(tmp_path, script)


def test_a_worker_without_figures_costs_only_the_figures(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        methods = CallMethods(stage.services.registry, dispatcher, stage.services.dialplan).table()
        under_test = callback_job()
        dispatcher.submit(under_test)
        (await stage.phone()).rings()
        (call,) = (await call_method(methods, "call.list"))["calls"]

        async def gone(_leg: str) -> Any:
            raise WorkerGone("no media worker is running")

        async def silent(_leg: str) -> Any:
            await asyncio.sleep(3600)

        for stats in (gone, silent):
            stage.media.stats = stats  # type: ignore[method-assign, assignment]
            found = await call_method(methods, "call.get", call=call["call"])
            assert (found["state"], found["legs"][0]["media"]) == (call["state"], None)
        await call_method(methods, "call.hangup", call=call["call"])
        await stage.ended(under_test)

    run_with_staff(tmp_path, script)


def test_a_call_that_is_over_cannot_be_hung_up(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        registry = stage.services.registry
        methods = CallMethods(registry, dispatcher, stage.services.dialplan).table()
        registry.calls["call-1"] = Call("call-1", "job-1")  # its attempt is just being cleared
        with pytest.raises(EngineError, match="call-1 is already over") as refused:
            await call_method(methods, "call.hangup", call="call-1")
        assert refused.value.kind == "state"
        with pytest.raises(EngineError, match="call-1 is already over"):
            await call_method(methods, "call.transfer", call="call-1", leg="leg-1", to="alice")
        del registry.calls["call-1"]

    run_with_staff(tmp_path, script)


@pytest.mark.parametrize("params", [{}, {"call": "a", "leg": "b"}])
async def test_exactly_one_of_call_and_leg_is_given(params: dict[str, str]) -> None:
    methods = CallMethods(None, None, None).table()  # type: ignore[arg-type]
    with pytest.raises((BadParams, ValueError), match="call"):
        await call_method(methods, "call.get", **params)


def test_calls_come_in_pages_and_no_other_cursor_is_taken(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        registry = stage.services.registry
        methods = CallMethods(registry, dispatcher, stage.services.dialplan).table()
        for number in range(3):
            registry.calls[f"call-{number}"] = Call(f"call-{number}", None, started=float(number))
        first = await call_method(methods, "call.list", limit=2)
        assert [one["call"] for one in first["calls"]] == ["call-0", "call-1"]
        rest = await call_method(methods, "call.list", limit=2, cursor=first["cursor"])
        assert [one["call"] for one in rest["calls"]] == ["call-2"] and rest["cursor"] is None
        with pytest.raises(BadParams, match=r"is not one that call\.list gave"):
            await call_method(methods, "call.list", cursor="soon/call-1")
        registry.calls.clear()

    run_with_staff(tmp_path, script)
