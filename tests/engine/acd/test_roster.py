"""The roster: agents by configuration and by command, over a restart and a reload."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.agents import AgentDefaults
from engine.acd.agent import LINE_DOWN, AgentImage
from engine.acd.agents import STORED_AS, AgentRegistry
from engine.acd.roster import ADDED_AS, Roster
from engine.errors import EngineError
from engine.routing.dialplan import Dialplan
from engine.routing.numbers.number_plan import NumberPlan
from engine.store.event_log import EventLog
from engine.store.store import Store
from tests.support.floor import agent


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "ringback.db")
    await store.open()
    yield store
    await store.close()


class Staff:
    """A register, a dialplan and a roster over a store."""

    def __init__(self, store: Store, *configured: Any) -> None:
        self.dialplan = Dialplan(
            trunks=[], routes=[], agents=configured, allow_hosts=["127.0.0.1"],
            plan=NumberPlan("GB"),
        )  # fmt: skip
        self.events = EventLog()
        self.agents = AgentRegistry(
            configured, defaults=AgentDefaults(), events=self.events, store=store
        )
        self.roster = Roster(
            configured, agents=self.agents, dialplan=self.dialplan, store=store,
            events=self.events,
        )  # fmt: skip

    def seen(self) -> list[str]:
        return [event.type for event in self.events.after(0)]


async def test_added_agents_outlive_a_restart_with_their_state(store: Store) -> None:
    staff = Staff(store, agent("anna"))
    await staff.roster.start()
    await staff.roster.add_agent(
        {"name": "bert", "uri": "sip:bert@127.0.0.1", "skills": {"german": 4}}
    )
    staff.agents.pause("bert", "lunch")
    assert "agent.added" in staff.seen()
    again = Staff(store, agent("anna"))
    await again.roster.start()
    bert = again.agents.known("bert")
    assert (bert.added, bert.state, bert.reason) == (True, "paused", "lunch")
    assert bert.skills == {"german": 4}
    assert again.dialplan.agent_destinations("bert")


async def test_a_removed_agent_is_gone_for_good(store: Store) -> None:
    staff = Staff(store)
    await staff.roster.start()
    await staff.roster.add_agent({"name": "bert", "uri": "sip:bert@127.0.0.1"})
    staff.agents.reserve("bert", "job")
    with pytest.raises(EngineError, match="on a call"):
        staff.roster.remove_agent("bert")
    staff.agents.release("bert", "job")
    staff.roster.remove_agent("bert")
    with pytest.raises(EngineError):
        staff.dialplan.agent_destinations("bert")
    again = Staff(store)
    await again.roster.start()
    assert "bert" not in again.agents
    assert staff.seen()[-2:] == ["agent.logged_out", "agent.removed"]


async def test_who_was_added_and_is_configured_now_is_the_configured_one(store: Store) -> None:
    staff = Staff(store)
    await staff.roster.start()
    await staff.roster.add_agent({"name": "bert", "uri": "sip:old@127.0.0.1"})
    again = Staff(store, agent("bert"))
    await again.roster.start()
    bert = again.agents.known("bert")
    assert (bert.added, bert.addresses[0].uri) == (False, "sip:bert@127.0.0.1:5080")
    with pytest.raises(EngineError, match="configuration"):
        again.roster.remove_agent("bert")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "b", "uri": "sip:b@evil.example"}, "uri"),
        ({"name": "b"}, "uri"),
        ({"name": "b", "uri": "sip:b@127.0.0.1", "skills": {"german": 11}}, "skills.german"),
        ({"name": "b", "addresses": [{"uri": "sip:b@evil.example"}]}, "addresses"),
    ],
)
async def test_what_an_agent_may_not_be(store: Store, fields: Any, field: str) -> None:
    staff = Staff(store)
    await staff.roster.start()
    with pytest.raises(EngineError) as refused:
        await staff.roster.add_agent(fields)
    assert (refused.value.kind, refused.value.field) == ("refused", field)
    assert len(staff.agents) == 0


async def test_two_agents_have_no_address_in_common(store: Store) -> None:
    staff = Staff(store, agent("anna", uri="sip:desk@127.0.0.1"))
    await staff.roster.start()
    with pytest.raises(EngineError, match="an address of agent anna as well") as refused:
        await staff.roster.add_agent({"name": "bert", "uri": "sip:desk@127.0.0.1"})
    assert (refused.value.kind, refused.value.field) == ("conflict", "uri")


async def test_an_agent_whom_the_store_does_not_keep_is_not_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_given: Any, **_more: Any) -> None:
        raise EngineError("unavailable", "the disk is full")

    staff = Staff(store)
    await staff.roster.start()
    monkeypatch.setattr(store, "put", refuse)
    with pytest.raises(EngineError, match="the disk is full"):
        await staff.roster.add_agent({"name": "bert", "uri": "sip:bert@127.0.0.1"})
    assert "bert" not in staff.agents


async def test_what_no_longer_fits_is_left_out_of_a_start(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await store.put(ADDED_AS, "bert", {"name": "bert", "shoe_size": 44}, durable=True)
    gone = Staff(store, agent("carl"))
    await gone.roster.start()
    gone.agents.pause("carl", "lunch")
    again = Staff(store, agent("anna"))
    await again.roster.start()
    assert [one.name for one in again.agents] == ["anna"]
    assert "agent_left_out" in capsys.readouterr().out
    assert "carl" not in await store.load(STORED_AS, AgentImage)


@pytest.mark.parametrize("is_permanent", [True, False])
async def test_a_reload_begins_and_ends_a_permanent_line(store: Store, is_permanent: bool) -> None:
    staff = Staff(store, agent("anna", permanent=not is_permanent))
    await staff.roster.start()
    staff.roster.reconfigure([agent("anna", permanent=is_permanent)], AgentDefaults())
    anna = staff.agents.known("anna")
    expected = ("paused", LINE_DOWN, "down") if is_permanent else ("available", None, None)
    assert (anna.state, anna.reason, staff.agents.view(anna)["line"]) == expected


async def test_a_reload_changes_adds_and_removes(store: Store) -> None:
    staff = Staff(store, agent("anna"), agent("bert"), agent("cleo"))
    await staff.roster.start()
    staff.agents.reserve("cleo", "job")
    staff.agents.pause("anna", "lunch")
    staff.roster.reconfigure([agent("anna", skills={"german": 2}), agent("dora")], AgentDefaults())
    anna = staff.agents.known("anna")
    assert (anna.state, anna.skills) == ("paused", {"german": 2})
    assert staff.agents.known("dora").state == "available"
    assert "bert" not in staff.agents
    assert staff.agents.known("cleo").state == "reserved", "they leave after the call"
    staff.agents.finished("cleo", "job")
    assert "cleo" not in staff.agents
    with pytest.raises(EngineError):
        staff.dialplan.agent_destinations("cleo")


async def test_an_agent_to_be_removed_after_the_call_cannot_stay(store: Store) -> None:
    staff = Staff(store, agent("anna"))
    await staff.roster.start()
    free: list[str] = []
    staff.agents.subscribe(on_free=free.append)
    staff.agents.reserve("anna", "job")
    staff.agents.talking("anna", "job")
    staff.roster.reconfigure([], AgentDefaults())
    staff.agents.login("anna")
    staff.agents.finished("anna", "job", 30.0)
    assert "anna" not in staff.agents and not free
    assert staff.seen()[-1] == "agent.removed"


async def test_an_agent_configured_again_before_leaving_stays(store: Store) -> None:
    staff = Staff(store, agent("anna"))
    await staff.roster.start()
    staff.agents.reserve("anna", "job")
    staff.roster.reconfigure([], AgentDefaults())
    staff.roster.reconfigure([agent("anna")], AgentDefaults())
    staff.agents.finished("anna", "job")
    assert staff.agents.known("anna").state == "logged_out"


async def test_the_order_of_addresses_outlives_a_restart(store: Store) -> None:
    two = [{"uri": "sip:desk@127.0.0.1"}, {"uri": "sip:mobile@127.0.0.1"}]
    configured = agent("anna", addresses=two)
    staff = Staff(store, configured)
    await staff.roster.start()
    staff.roster.arrange("anna", "sip:mobile@127.0.0.1", "first")
    staff.roster.arrange("anna", "sip:desk@127.0.0.1", "off")
    again = Staff(store, configured)
    await again.roster.start()
    found = again.dialplan.agent_destinations("anna")
    assert [one.targets[0].target for one in found] == ["sip:mobile@127.0.0.1"]
    with pytest.raises(EngineError) as unknown:
        again.roster.arrange("anna", "sip:other@127.0.0.1", "on")
    assert unknown.value.kind == "not_found"
