"""The checks that a request passes, one by one."""

from pathlib import Path
from typing import Any

import pytest

from config.queues import Centre, Queue
from config.reporting import Notify
from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.callbacks.request_check import RequestCheck
from engine.callbacks.slot_bookings import SlotBookings
from engine.errors import BadParams, EngineError
from engine.request import CallbackRequest
from engine.routing.admission import Admitted
from engine.routing.trunk_states import TrunksFull
from tests.support.engines.in_process import refused_by_engine, running, settings_in
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff

NOW = 1000.0


def asked(**params: Any) -> CallbackRequest:
    return CallbackRequest(**{"to": "+442079460123"} | params)


def objection(check: RequestCheck, **params: Any) -> tuple[str, str] | None:
    """The first step that objects to a request, and its reason."""
    for step, run in check.checks(asked(**params), NOW):
        try:
            run()
        except EngineError as error:
            return step, error.message
        except BadParams as error:
            return step, error.reason
    return None


def check_of(stage: Scene, dispatcher: Dispatcher) -> RequestCheck:
    bookings = SlotBookings(dispatcher.open, stage.services.queues)
    return RequestCheck(stage.services, stage.admission, Notify(), bookings)


def test_each_check_objects_in_its_step(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        stage.services.queues.configure([], [Centre(name="london")], {})
        check = check_of(stage, dispatcher)
        assert objection(check, agent="alice") is None
        assert objection(check, queue="sales", centre="london", known_agent="alice") is None
        for params, step, words in (
            ({}, "party", "give agent or queue"),
            ({"agent": "nobody"}, "agent", "'nobody' is neither"),
            ({"agent": "alice", "to": "nonsense"}, "trunks", "'nonsense' is neither"),
            ({"agent": "alice", "numbers": ["sip:x@evil.example"]}, "trunks", "evil.example"),
            ({"queue": "sales", "trunk": "isdn"}, "trunks", "no trunk named 'isdn'"),
            ({"queue": "sales", "known_agent": "zoe"}, "known_agent", "no agent named 'zoe'"),
            ({"queue": "sales", "centre": "york"}, "centre", "no centre named 'york'"),
            ({"queue": "sales", "deadline": NOW}, "deadline", "has already passed"),
            ({"queue": "sales", "notify_url": "x"}, "notify_url", "an http: or https: URL"),
            ({"queue": "sales", "notify_url": "http://[::1]/"}, "notify_url", "notify.hosts"),
        ):
            found = objection(check, **params)
            assert found is not None and found[0] == step and words in found[1]

    run_with_staff(tmp_path, script)


def test_numbers_are_read_in_full_where_the_request_says_what_they_are(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        check = check_of(stage, dispatcher)
        plain = asked(to="020 7946 0123")
        assert check.read_numbers(plain) is plain
        number = check.read_numbers(asked(to="020 7946 0123", to_kind="number"))
        assert number.to == "+442079460123"
        french = asked(to="01 55 55 55 55", region="FR", numbers=["sip:x@127.0.0.1", "alice"])
        read = check.read_numbers(french)
        assert (read.to, read.numbers) == ("+33155555555", ["sip:x@127.0.0.1", "alice"])
        for text in ("alice", "sip:x@127.0.0.1"):
            with pytest.raises(EngineError, match="to_kind says") as refused:
                check.read_numbers(asked(to=text, to_kind="number"))
            assert (refused.value.kind, refused.value.field) == ("refused", "to")

    run_with_staff(tmp_path, script)


def test_a_queue_has_to_exist_and_to_have_room(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        full = Queue(name="full", max_length=1)
        stage.services.queues.configure([full], [], {})
        check = check_of(stage, dispatcher)
        admitted = Admitted(called="+442079460123")
        assert check.place(asked(agent="alice"), admitted, NOW) is admitted
        assert check.place(asked(queue="full"), admitted, NOW).called == admitted.called
        with pytest.raises(EngineError, match="no queue named") as refused:
            check.place(asked(queue="nowhere"), admitted, NOW)
        assert refused.value.kind == "refused"

    run_with_staff(tmp_path, script, queues=[Queue(name="sales", agents=["alice"])])


def test_what_is_wrong_apart_from_the_number_is_known_of_numbers_alone(tmp_path: Path) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        check = check_of(stage, dispatcher)
        check.without_number(asked(queue="sales"), NOW)
        for wrong, words in (
            ({"queue": "nowhere"}, "no queue named"),
            ({"queue": "sales", "deadline": NOW}, "has already passed"),
        ):
            with pytest.raises(EngineError, match=words):
                check.without_number(asked(**wrong), NOW)
            check.without_number(asked(to="sip:x@127.0.0.1", **wrong), NOW)
        check.without_number(asked(deadline=NOW), NOW)  # for nobody

    run_with_staff(tmp_path, script)


def test_an_agent_whose_trunk_is_full_waits_for_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, _agents: AgentRegistry) -> None:
        check = check_of(stage, dispatcher)
        dialplan = stage.services.dialplan
        destination = dialplan.destination

        def full(text: str, *, field: str, **more: Any) -> Any:
            if field == "agent":
                raise TrunksFull("all its lines are taken", "agent")
            return destination(text, field=field, **more)

        monkeypatch.setattr(dialplan, "destination", full)
        assert objection(check, agent="alice", queue=None) is None

    run_with_staff(tmp_path, script)


async def test_a_region_that_there_is_not_is_named(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_daemon, client):
        for to in ("+442079460123", "020 7946 0123"):
            error = await refused_by_engine(
                client, "callback.request", to=to, agent="alice", region="XX"
            )
            assert (error.kind, error.field) == ("refused", "region")
            assert "'XX' is not a region" in error.message
