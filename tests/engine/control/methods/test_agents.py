"""agent.* through the socket of a whole engine, and `ringback agents` and `ringback agent`."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.settings import Settings
from engine.daemon import Daemon
from ringback_client import RequestRejected
from tests.support.command_line import ringback
from tests.support.engines.in_process import RunningEngine, refused_by_engine, running, settings_in

MORE = """
skills = { sales = 3 }
queues = ["sales"]
[[agents]]
name = "bert"
login = "manual"
centre = "leeds"
addresses = [
  { uri = "sip:bert@127.0.0.1:9", ring_s = 5.0 },
  { uri = "+442079460001", kind = "mobile" },
]
[[centres]]
name = "leeds"
[[queues]]
name = "sales"
[[queues]]
name = "service"
agents = ["bert"]
[agent_defaults]
seats = 2
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, more=MORE)


async def test_what_outsiders_are_told_of_an_agent(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await client.call("agent.availability", agent="alice")
    assert found == {
        "agent": "alice", "open": True, "opens_at": None, "free": True, "present": True,
        "hours": None,
    }  # fmt: skip
    bert = await client.call("agent.availability", agent="bert", slot_min=60, slot_callbacks=3)
    assert (bert["free"], bert["present"]) == (False, False)
    assert {slot["left"] for slot in bert["slots"]} == {3}
    error = await refused_by_engine(client, "agent.availability", agent="nobody")
    assert error.kind == "not_found"


async def test_list_shows_everybody_and_can_be_narrowed(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await client.call("agent.list")
    assert [agent["agent"] for agent in found["agents"]] == ["alice", "bert"]
    assert [agent["state"] for agent in found["agents"]] == ["available", "logged_out"]
    assert (found["seats"], found["taken"]) == (2, 1)
    for given, names in (
        ({"queue": "sales"}, ["alice"]),
        ({"queue": "service"}, ["bert"]),
        ({"centre": "leeds"}, ["bert"]),
        ({"state": "logged_out"}, ["bert"]),
        ({"state": "talking"}, []),
    ):
        found = await client.call("agent.list", **given)
        assert [agent["agent"] for agent in found["agents"]] == names
    assert (await client.call("agent.get", agent="bert"))["queues"] == ["service"]


async def test_many_agents_come_in_pages_that_fit_on_a_line(tmp_path: Path) -> None:
    many = "".join(
        f'[[agents]]\nname = "agent-{n:04}"\nuri = "sip:a{n}@127.0.0.1:9"\n' for n in range(1200)
    )
    async with running(settings_in(tmp_path, more=many)) as (daemon, client):
        page = await client.call("agent.list", limit=500)
        names = [agent["agent"] for agent in page["agents"]]
        assert len(names) == 500
        while page["cursor"] is not None:
            page = await client.call("agent.list", cursor=page["cursor"])
            names += [agent["agent"] for agent in page["agents"]]
        assert names == ["alice", *(f"agent-{n:04}" for n in range(1200))]
        listed = await ringback(daemon.settings.control.socket, "agents")
        assert listed.text.count("available") == 1201
        with pytest.raises(RequestRejected, match="cursor"):
            await client.call("agent.list", cursor="x")


async def test_coming_pausing_and_going(engine: RunningEngine) -> None:
    _daemon, client = engine
    agent = await client.call("agent.login", agent="bert")
    assert agent["state"] == "available"
    agent = await client.call("agent.pause", agent="bert", reason="lunch")
    assert (agent["state"], agent["reason"]) == ("paused", "lunch")
    assert (await client.call("agent.ready", agent="bert"))["state"] == "available"
    agent = await client.call("agent.logout", agent="bert", reason="home")
    assert (agent["state"], agent["reason"]) == ("logged_out", "home")
    assert (await refused_by_engine(client, "agent.pause", agent="bert")).kind == "state"
    assert (await refused_by_engine(client, "agent.ready", agent="bert")).kind == "state"
    assert (await refused_by_engine(client, "agent.get", agent="nobody")).kind == "not_found"
    with pytest.raises(RequestRejected, match="printable"):
        await client.call("agent.pause", agent="alice", reason="a\nb")


async def test_each_change_has_an_event(engine: RunningEngine) -> None:
    daemon, client = engine
    await daemon.events.settled()
    since = daemon.events.seq
    await client.call("agent.login", agent="bert")
    await client.call("agent.pause", agent="bert", reason="lunch")
    async with client.events(["agent."], since=since) as events:
        first, second = [await anext(aiter(events)) for _ in range(2)]
    assert (first["type"], first["previous"]) == ("agent.available", "logged_out")
    assert (second["type"], second["agent"], second["reason"]) == ("agent.paused", "bert", "lunch")


async def test_seats_are_a_limit(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.call("agent.add", agent="cleo", uri="sip:cleo@127.0.0.1:9")
    assert (await client.call("agent.get", agent="cleo"))["state"] == "available"
    error = await refused_by_engine(client, "agent.login", agent="bert")
    assert (error.kind, error.data["seats"]) == ("unavailable", 2)
    await client.call("agent.logout", agent="cleo")
    assert (await client.call("agent.login", agent="bert"))["state"] == "available"


async def test_added_agents_can_be_removed_and_configured_ones_not(engine: RunningEngine) -> None:
    _daemon, client = engine
    added = await client.call(
        "agent.add", agent="cleo", uri="sip:cleo@127.0.0.1:9", skills={"sales": 2}, login="manual"
    )
    assert (added["added"], added["state"], added["skills"]) == (True, "logged_out", {"sales": 2})
    assert (
        await refused_by_engine(client, "agent.add", agent="cleo", uri="sip:c@127.0.0.1")
    ).kind == ("conflict")
    error = await refused_by_engine(client, "agent.add", agent="dora", uri="sip:dora@evil.example")
    assert (error.kind, error.field) == ("refused", "uri")
    wrong: dict[str, Any] = {"queues": ["sales", "night"], "centre": "york", "calendar": "x"}
    for field, value in wrong.items():
        given = {field: value}
        error = await refused_by_engine(
            client, "agent.add", agent="dora", uri="sip:d@127.0.0.1:9", **given
        )
        assert (error.kind, error.field) == ("refused", field)
    await client.call("agent.remove", agent="cleo")
    assert (await refused_by_engine(client, "agent.get", agent="cleo")).kind == "not_found"
    assert (await refused_by_engine(client, "agent.remove", agent="alice")).kind == "refused"


async def said(daemon: Daemon) -> list[dict[str, Any]]:
    """The events so far."""
    await daemon.events.settled()
    return [msgspec.json.decode(event.line)["params"] for event in daemon.events.after(0)]


async def test_skills_and_addresses(engine: RunningEngine) -> None:
    daemon, client = engine
    agent = await client.call("agent.skills", agent="alice", skills={"german": 7})
    assert agent["skills"] == {"german": 7}
    assert (await client.call("agent.skills", agent="alice"))["skills"] == {"sales": 3}
    mobile = "+442079460001"
    agent = await client.call("agent.address", agent="bert", uri=mobile)
    assert [one["uri"] for one in agent["addresses"]] == [mobile, "sip:bert@127.0.0.1:9"]
    changed = [event for event in await said(daemon) if event["type"] == "agent.addresses"]
    assert [one["uri"] for one in changed[-1]["addresses"]] == [mobile, "sip:bert@127.0.0.1:9"]
    assert changed[-1]["agent"] == "bert"
    skills = [event for event in await said(daemon) if event["type"] == "agent.skills"]
    assert [event["skills"] for event in skills] == [{"german": 7}, {"sales": 3}]
    first = daemon.services.dialplan.agent_destinations("bert")[0]
    assert (first.kind, first.ring_s) == ("mobile", None)
    agent = await client.call("agent.address", agent="bert", uri=mobile, use="off")
    assert [one["enabled"] for one in agent["addresses"]] == [False, True]
    error = await refused_by_engine(
        client, "agent.address", agent="bert", uri="sip:bert@127.0.0.1:9", use="off"
    )
    assert error.kind == "state"
    agent = await client.call("agent.address", agent="bert")
    assert [one["uri"] for one in agent["addresses"]] == ["sip:bert@127.0.0.1:9", mobile]


async def test_the_command_line(engine: RunningEngine) -> None:
    daemon, _client = engine
    socket = daemon.settings.control.socket
    text = (await ringback(socket, "agents")).text
    assert "alice" in text and "available" in text and "1 of 2 seats" in text
    assert (await ringback(socket, "agents", "--json", "--centre", "leeds")).json["agents"][0][
        "agent"
    ] == "bert"
    text = (await ringback(socket, "agent", "login", "bert")).text
    assert "sip:bert@127.0.0.1:9 (desk, for 5 s)" in text and "leeds" in text
    text = (await ringback(socket, "agent", "pause", "bert", "--reason", "[b]lunch")).text
    assert "paused" in text and "[b]lunch" in text
    await ringback(socket, "agent", "ready", "bert")
    text = (await ringback(socket, "agent", "skills", "bert", "german=7", "sales=2")).text
    assert "german 7, sales 2" in text
    await ringback(socket, "agent", "skills", "bert", "german", status=2)
    await ringback(socket, "agent", "skills", "bert", status=2)
    text = (await ringback(socket, "agent", "skills", "bert", "--reset")).text
    assert "german" not in text
    text = (await ringback(socket, "agent", "address", "bert", "+442079460001", "off")).text
    assert "+442079460001 (mobile, off)" in text
    shown = await ringback(socket, "agent", "address", "bert", "--json")
    assert all(one["enabled"] for one in shown.json["addresses"])
    await ringback(socket, "agent", "logout", "bert", "--reason", "home")
    text = (
        await ringback(
            socket,
            "agent",
            "add",
            "cleo",
            "sip:cleo@127.0.0.1:9",
            "--queue",
            "sales",
            "--skill",
            "sales=4",
            "--wrap-up-s",
            "30",
        )
    ).text
    assert "cleo" in text and "sales 4" in text
    assert "no agent any more" in (await ringback(socket, "agent", "remove", "cleo")).text
    assert "no agent named" in (await ringback(socket, "agents", "cleo", status=1)).text
