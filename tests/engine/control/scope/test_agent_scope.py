"""An agent sees their own state, calls and callbacks, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Settings
from engine.acd.agent import AgentState
from engine.calls.call import Call, CallRegistry
from engine.control.method_roles import NoRight
from engine.control.methods.agents import AgentRef
from engine.control.methods.queues import QueueRef
from engine.control.methods.reports import AgentReportQuery
from engine.control.params import CallRef, JobRef
from engine.control.rights import Principal
from engine.control.scope.agent_scope import AgentScope
from engine.control.scope.own_work import AFTERWARDS_S, MOST_REMEMBERED, OwnWork
from engine.job import Job, OfferRecord
from engine.request import CallbackRequest
from engine.store.event_log import EventLog
from engine.store.kept_events import Event
from ringback_client import Client, EngineError
from tests.support.engines.in_process import RunningEngine, request, settings_in
from tests.support.jobs import callback_job

TOKEN = "0123456789abcdef-alice"
PLAIN_TOKEN = "0123456789abcdef-plain"
OWN_S = 86400.0


@dataclass
class Worker:
    name: str
    state: AgentState
    work: str | None = None


class Scene:
    """A scope, its clock, and what happens to agents."""

    def __init__(self) -> None:
        self.now = 100.0
        self.open: dict[str, Job] = {}
        self.ended: dict[str, Job] = {}
        self.registry = CallRegistry()
        self.talked: dict[tuple[str, str], float] = {}
        self.own = OwnWork(
            self.open.get,
            lambda id: self.open.get(id) or self.ended.get(id),
            self.registry.calls,
            talked_at=lambda agent, work: self.talked.get((agent, work)),
            clock=lambda: self.now,
            now=lambda: self.now,
        )
        self._log = EventLog(epoch="e")
        self._seen: list[Event] = []
        self._log.listen(self._seen.append)

    def agent(self, name: str, previous: AgentState, state: AgentState, work: str | None) -> None:
        self.own.on_change(Worker(name, state, work), previous)

    def scope(self, agent: str = "alice") -> AgentScope:
        return AgentScope(self.own, agent, Principal(agent, "none", agent, own_s=OWN_S))

    def may(self, method: str, params: Any, agent: str = "alice") -> bool:
        try:
            self.scope(agent).check(method, params)
        except NoRight as error:
            assert error.kind == "refused"
            assert error.data["had"] == "agent"
            return False
        return True

    def sees(self, type: str, **fields: Any) -> bool:
        """Whether alice sees this event."""
        self._log.publish(type, **fields)
        return self.scope().sees(self._seen[-1])


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_their_own_state(scene: Scene) -> None:
    assert scene.may("agent.pause", AgentRef(agent="alice"))
    assert not scene.may("agent.pause", AgentRef(agent="bob"))
    assert not scene.may("agent.get", AgentRef(agent="bob"))


def test_a_job_belongs_to_the_agent_it_names(scene: Scene) -> None:
    scene.open["j"] = callback_job("j", agent="alice", queue="q")
    assert scene.may("callback.get", JobRef(id="j"))
    assert not scene.may("callback.get", JobRef(id="j"), agent="bob")
    assert not scene.may("callback.annotate", JobRef(id="none"))


def test_a_job_belongs_to_the_agent_who_talked_on_it_also_after_a_restart(scene: Scene) -> None:
    taken = OfferRecord(agent="alice", offered=1.0, answered=2.0)
    missed = OfferRecord(agent="bob", offered=1.0)
    scene.ended["j"] = callback_job("j", agent=None, queue="q", offers=[missed, taken])
    assert scene.may("callback.annotate", JobRef(id="j"))
    assert scene.may("record.get", JobRef(id="j"))
    assert not scene.may("callback.annotate", JobRef(id="j"), agent="bob")


def test_present_and_earlier_work(scene: Scene) -> None:
    scene.agent("alice", "available", "reserved", "j")
    assert scene.sees("callback.dialing_agent", job="j")
    scene.agent("alice", "reserved", "talking", "j")
    scene.agent("alice", "talking", "wrap_up", None)
    scene.now += 3600
    assert scene.sees("callback.completed", job="j")
    assert scene.may("callback.annotate", JobRef(id="j"))
    assert not scene.sees("callback.completed", job="other")


def test_what_is_over_stays_theirs_for_as_long_as_their_right_says(scene: Scene) -> None:
    scene.agent("alice", "reserved", "talking", "c1")
    scene.agent("alice", "talking", "wrap_up", "c1")
    scene.agent("alice", "wrap_up", "available", None)
    named = callback_job("j", agent="alice", queue=None)
    named.ended_at = scene.now
    scene.ended["j"] = named
    scene.now += OWN_S - 1
    assert scene.may("record.get", JobRef(id="c1"))
    assert scene.may("callback.annotate", JobRef(id="j"))
    scene.now += 2
    assert not scene.may("record.get", JobRef(id="c1"))
    assert not scene.may("callback.annotate", JobRef(id="j"))
    assert not scene.sees("callback.annotated", call="c1")


def test_what_an_earlier_engine_has_written_counts(scene: Scene) -> None:
    scene.talked["alice", "c1"] = scene.now - OWN_S + 1
    assert scene.may("callback.annotate", JobRef(id="c1"))
    assert not scene.may("callback.annotate", JobRef(id="c1"), agent="bob")
    scene.now += 2
    assert not scene.may("callback.annotate", JobRef(id="c1"))


def test_their_figures_and_no_others(scene: Scene) -> None:
    asked = scene.scope().amend("report.agent", AgentReportQuery())
    assert asked.agent == "alice"
    assert scene.may("report.agent", asked)
    assert not scene.may("report.agent", AgentReportQuery(agent="bob"))


def test_a_queue_that_they_do_not_serve(scene: Scene) -> None:
    assert not scene.may("queue.get", QueueRef(queue="q"))
    assert scene.scope().narrowed("queue.list", {"queues": [{"queue": "q"}], "cursor": None}) == {
        "queues": [], "cursor": None,
    }  # fmt: skip


def test_a_request_is_for_themselves(scene: Scene) -> None:
    def asked(**given: Any) -> Any:
        return scene.scope().amend("callback.request", CallbackRequest(to="+442079460123", **given))

    assert asked().agent == "alice"
    assert scene.may("callback.request", asked())
    assert not scene.may("callback.request", asked(agent="bob"))
    assert not scene.may("callback.request", asked(queue="q"))


def test_only_what_they_requested_is_theirs_to_cancel(scene: Scene) -> None:
    scene.open["j"] = callback_job("j", agent="alice", queue=None)
    assert not scene.may("callback.cancel", JobRef(id="j"))
    scene.open["j"].requested_by = "alice"
    assert scene.may("callback.cancel", JobRef(id="j"))


def test_a_request_that_joins_the_job_of_another_learns_little(scene: Scene) -> None:
    view = {"id": "j", "state": "queued", "requested_by": "shop", "agent": "bob", "joined_to": "j"}
    assert scene.scope().narrowed("callback.request", view) == {
        "id": "j", "state": "queued", "joined_to": "j",
    }  # fmt: skip


def test_a_missed_offer_is_theirs_no_longer(scene: Scene) -> None:
    scene.agent("alice", "available", "reserved", "j")
    scene.agent("alice", "reserved", "ringing", "j")
    scene.agent("alice", "ringing", "available", None)
    assert scene.sees("leg.ended", job="j")
    scene.now += AFTERWARDS_S
    assert not scene.sees("leg.dtmf", job="j")
    assert not scene.may("callback.get", JobRef(id="j"))


def test_events_of_others_and_of_the_engine(scene: Scene) -> None:
    assert scene.sees("agent.paused", agent="alice")
    assert not scene.sees("agent.paused", agent="bob")
    assert scene.sees("queue.offered", agents=["bob", "alice"], job="j")
    assert not scene.sees("queue.offered", agents=["bob"], job="j")
    assert not scene.sees("trunk.failed", trunk="pbx")
    assert not scene.sees("engine.draining")


def test_events_of_their_job_that_name_another_agent(scene: Scene) -> None:
    scene.agent("alice", "available", "reserved", "j")
    assert not scene.sees("agent.offered", agent="bob", job="j")


def test_calls(scene: Scene) -> None:
    mine, other = Call("c1", "j1"), Call("c2", "j2")
    line = Call("c3", None, direction="inbound", about={"agent": "alice"})
    for call in (mine, other, line):
        scene.registry.add_call(call)
    mine.legs.append(SimpleNamespace(id="l1", record=SimpleNamespace(role="agent")))  # type: ignore[arg-type]
    scene.agent("alice", "available", "reserved", "j1")
    assert scene.may("call.hangup", CallRef(call="c1"))
    assert scene.may("call.hangup", CallRef(leg="l1"))
    assert scene.may("call.get", CallRef(call="c3"))
    assert not scene.may("call.hangup", CallRef(call="c2"))
    assert not scene.may("call.hangup", CallRef(leg="none"))
    shown = scene.scope().narrowed(
        "call.list", {"calls": [one.view() for one in (mine, other, line)]}
    )
    assert [view["call"] for view in shown["calls"]] == ["c1", "c3"]


def test_they_are_not_told_that_they_are_supervised(scene: Scene) -> None:
    scene.agent("alice", "available", "reserved", "c1")
    assert scene.sees("leg.dialing", call="c1", role="customer")
    assert not scene.sees("leg.dialing", call="c1", role="supervisor")
    assert not scene.sees("supervision.started", call="c1", supervisor="carol")
    assert scene.sees("supervision.started", call="c9", supervisor="alice")
    call = Call("c1", None, direction="inbound", about={"agent": "alice"})
    legs = [SimpleNamespace(role=role) for role in ("agent", "supervisor", "customer")]
    view = call.view() | {"legs": legs, "supervisors": [{"supervisor": "carol"}]}
    for shown in (
        scene.scope().narrowed("call.get", view),
        scene.scope().narrowed("call.list", {"calls": [view]})["calls"][0],
    ):
        assert [leg.role for leg in shown["legs"]] == ["agent", "customer"]
        assert "supervisors" not in shown


def test_an_inbound_call_that_they_are_on(scene: Scene) -> None:
    scene.registry.add_call(Call("c1", None, direction="inbound"))
    scene.agent("alice", "available", "reserved", "c1")
    assert scene.may("call.hangup", CallRef(call="c1"))
    assert scene.sees("call.answered", call="c1")


def test_views_of_a_snapshot(scene: Scene) -> None:
    scene.open["j"] = callback_job("j", agent="alice", queue="q")
    sees = scene.scope().sees_view
    assert sees("agent", {"agent": "alice"})
    assert not sees("agent", {"agent": "bob"})
    assert sees("job", {"id": "j"})
    assert not scene.scope("bob").sees_view("job", {"id": "j"})
    assert sees("call", {"call": "c", "job": "j"})
    assert not sees("queue", {"queue": "q"})


def test_what_is_remembered_is_bounded(scene: Scene) -> None:
    for number in range(MOST_REMEMBERED + 10):
        scene.agent("alice", "available", "talking", f"j{number}")
    assert len(scene.own._left) == MOST_REMEMBERED
    assert not scene.sees("x", job="j0")


# -- through a whole engine ---------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    rights = f'[[rights]]\nname="a"\ntoken="{TOKEN}"\nagent="alice"\nmay_request=true\n'
    rights += f'[[rights]]\nname="b"\ntoken="{PLAIN_TOKEN}"\nagent="alice"\n'
    rights += '[[queues]]\nname="sales"\nagents=["alice"]\n[[queues]]\nname="other"\n'
    return settings_in(tmp_path, more=rights)


@pytest.fixture
async def alice(engine: RunningEngine) -> AsyncIterator[Client]:
    """Alice's own client, with her token; that of `engine` is the administrator's."""
    socket = engine.daemon.settings.control.socket
    async with await Client.connect(socket, token=TOKEN) as client:
        yield client


async def needs_more_rights(client: Client, method: str, **params: Any) -> bool:
    try:
        await client.call(method, **params)
    except EngineError as error:
        return error.kind == "refused" and error.data.get("had") == "agent"
    return False


async def test_alice_and_nobody_else(engine: RunningEngine, alice: Client) -> None:
    root = engine.client
    await root.call("agent.add", agent="bob", uri="sip:bob@127.0.0.1:9")
    await root.callback(**request(id="hers"))
    await root.callback(**request(id="theirs", agent="bob", to="sip:carol@127.0.0.1:9"))

    assert (await alice.call("agent.pause", agent="alice", reason="tea"))["state"] == "paused"
    assert (await alice.call("agent.ready", agent="alice"))["state"] == "available"
    assert await needs_more_rights(alice, "agent.pause", agent="bob")
    assert [one["agent"] for one in (await alice.call("agent.list"))["agents"]] == ["alice"]
    assert (await alice.call("callback.get", id="hers"))["id"] == "hers"
    assert (await alice.call("callback.annotate", id="hers", notes="rang"))["notes"] == ["rang"]
    assert await needs_more_rights(alice, "callback.annotate", id="theirs", notes="x")
    assert await needs_more_rights(alice, "callback.cancel", id="hers")
    assert await needs_more_rights(alice, "callback.list")
    assert await needs_more_rights(alice, "engine.status")
    assert await needs_more_rights(alice, "agent.add", agent="eve", uri="sip:eve@127.0.0.1:9")
    assert (await alice.call("call.list"))["calls"] == []


async def test_alice_hears_of_nobody_else(engine: RunningEngine, alice: Client) -> None:
    root = engine.client
    await root.call("agent.add", agent="bob", uri="sip:bob@127.0.0.1:9")
    async with alice.events(snapshot=True) as events:
        await root.callback(**request(id="theirs", agent="bob", to="sip:carol@127.0.0.1:9"))
        await root.call("agent.pause", agent="bob")
        await root.callback(**request(id="hers"))
        seen = []
        async for event in events:
            seen.append((event["type"], event.get("job"), event.get("agent")))
            if event["type"] == "callback.queued":
                break
    assert seen == [
        ("snapshot.agent", None, None),
        ("snapshot.end", None, None),
        ("callback.queued", "hers", "alice"),
    ]


async def test_alice_sees_her_queue_and_her_figures(engine: RunningEngine, alice: Client) -> None:
    shown = await alice.call("queue.list")
    assert [one["queue"] for one in shown["queues"]] == ["sales"]
    assert (await alice.call("queue.get", queue="sales"))["waiting"] == 0
    assert await needs_more_rights(alice, "queue.get", queue="other")
    assert await needs_more_rights(alice, "queue.entries", queue="sales")
    await engine.client.call("agent.add", agent="bob", uri="sip:bob@127.0.0.1:9")
    figures = await alice.call("report.agent")
    assert {row["agent"] for row in figures["rows"]} == {"alice"}
    assert await needs_more_rights(alice, "report.agent", agent="bob")
    assert (await alice.call("agent.list"))["taken"] == 2


async def test_alice_asks_for_a_callback_of_her_own_where_her_right_says_so(
    engine: RunningEngine, alice: Client
) -> None:
    later = 4_000_000_000.0
    job = await alice.call("callback.request", to="+442079460123", not_before=later, id="mine")
    assert (job["agent"], job["requested_by"]) == ("alice", "a")
    assert await needs_more_rights(alice, "callback.request", to="+442079460124", queue="sales")
    moved = await alice.call("callback.reschedule", id="mine", not_before=later + 60)
    assert moved["not_before"] == later + 60
    assert (await alice.call("callback.cancel", id="mine"))["state"] == "cancelled"
    await engine.client.callback(**request(id="theirs", agent="alice", not_before=later))
    assert await needs_more_rights(alice, "callback.cancel", id="theirs")
    socket = engine.daemon.settings.control.socket
    async with await Client.connect(socket, token=PLAIN_TOKEN) as plain:
        assert await needs_more_rights(plain, "callback.request", to="+442079460124")
