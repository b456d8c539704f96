"""Rules on the wire: what they set is what phones and trunks get. And a reload with calls up."""

import os
import signal
from typing import Any

import pytest

from tests.support.control_line import Refused
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_port

NUMBER, SHOP = "+442079460123", "+442079460000"


async def seen(engine: EngineClient, kind: str, **fields: Any) -> dict[str, Any]:
    """An event that is of no job."""
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and all(event.get(name) == value for name, value in fields.items())
        ),
    )


def trunk(name: str, port: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "uri": f"sip:127.0.0.1:{port}", **more}


async def test_what_a_rule_sets_is_what_goes_out(own_engine: StartEngine, wire: MakeWire) -> None:
    first, second, desk, german = wire("first"), wire("second"), wire("desk"), wire("german")
    engine = await own_engine(
        trunks=[trunk("first", first.port), trunk("second", second.port)],
        routes=[{"prefix": "+", "trunks": ["first"]}],
        agents=[
            {"name": "desk", "uri": desk.uri, "queues": ["sales"]},
            {"name": "german", "uri": german.uri, "queues": ["sales"], "skills": {"german": 5}},
        ],
        queues=[{"name": "sales", "strategy": "ordered"}],
        rules=[
            {
                "name": "gold",
                "match": {"context": {"tier": "gold"}},
                "set": {
                    "queue": "sales", "skills": {"german": 3}, "priority": 7, "trunk": "second",
                    "caller_id": "+442079460999", "record": True, "script": "gold.html",
                    "whisper": "A gold customer from {context.site}",
                },
            }
        ],
    )  # fmt: skip
    context = {"tier": "gold", "site": "shop.example"}
    job = (await engine.line.call("callback.request", to=NUMBER, context=context))["id"]
    agent = await german.answer()  # the only one who has the skill
    answered = await engine.event("leg.answered", job)
    customer = await second.answer()  # though the route says the first trunk
    dialling = await engine.state("dialing_customer", job)
    assert dialling["time"] - answered["time"] > 0.5  # the whisper was spoken before
    assert "+442079460999" in customer.invite["from"]
    assert NUMBER in agent.invite["from"]
    assert customer.invite.start.startswith(f"INVITE sip:{NUMBER}@127.0.0.1:{second.port}")
    offered = await engine.event("agent.offered", job)
    assert (offered["agent"], offered["script"]) == ("german", "gold.html")
    await engine.event("recording.started", job)
    await engine.state("bridged", job)
    agent.bye()
    await customer.receive("BYE")
    ended = await engine.ended(job)
    assert (ended["state"], ended["queue"], ended["priority"]) == ("completed", "sales", 7)
    assert ended["skills"] == {"german": 3}
    assert ended["recording"]
    assert not desk.calls
    assert not first.calls


async def test_a_rule_moves_a_call_that_comes_in_and_explain_says_so_before(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    sales, german, pbx = wire("sales"), wire("german"), free_port()
    engine = await own_engine(
        trunks=[trunk("pbx", pbx)],
        inbound=[{"name": "shop", "number": SHOP, "queue": "sales", "context": {"site": "shop"}}],
        queues=[{"name": "sales"}, {"name": "german"}],
        agents=[
            {"name": "anna", "uri": sales.uri, "queues": ["sales"]},
            {"name": "gerd", "uri": german.uri, "queues": ["german"]},
        ],
        rules=[
            {
                "name": "from-Germany",
                "match": {"kind": "call", "region": "DE", "dialled": SHOP, "trunk": "pbx"},
                "set": {"queue": "german", "script": "de.html", "caller_id": "+442079460999"},
            }
        ],
    )
    explained = await engine.line.call(
        "route.explain", to="+493012345678", from_trunk="pbx", dialled=SHOP
    )
    assert (explained["fired"], explained["queue"]["queue"]) == (["from-Germany"], "german")
    assert [one["agent"] for one in explained["queue"]["agents"] if one["could"]] == ["gerd"]
    caller = WireOutgoing.place(wire("+493012345678"), engine.process.sip_port, SHOP)
    await caller.answered()
    agent_side = await german.answer()
    assert "+442079460999" in agent_side.invite["from"]
    offered = await seen(engine, "agent.offered", agent="gerd")
    assert (offered["queue"], offered["script"]) == ("german", "de.html")
    await seen(engine, "call.bridged")
    caller.bye()
    await agent_side.receive("BYE")
    assert not sales.calls
    await engine.assert_idle()


async def test_a_call_survives_a_reload_and_what_is_new_works(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    old, new, alice, bob = wire("old"), wire("new"), wire("alice"), wire("bob")
    engine = await own_engine(
        trunks=[trunk("old", old.port)],
        routes=[{"prefix": "+", "trunks": ["old"]}],
        agents=[{"name": "alice", "uri": alice.uri}],
    )
    job = await engine.callback(NUMBER, "alice")
    agent = await alice.answer()
    customer = await old.answer()
    await engine.state("bridged", job)

    engine.process.rewrite_config(
        trunks=[trunk("new", new.port)],
        routes=[{"prefix": "+", "trunks": ["new"]}],
        agents=[{"name": "bob", "uri": bob.uri}],
    )
    result = await engine.line.call("engine.reload")
    assert set(result["words"]) >= {
        "trunks.old: removed", "trunks.new: added", "agents.alice: removed", "agents.bob: added"
    }  # fmt: skip
    second = await engine.callback("+442079460124", "bob")
    (await bob.answer()).ring()
    other = await new.answer()
    await engine.state("bridged", second)
    assert (await engine.job(job))["state"] == "bridged"
    names = {one["agent"]: one for one in (await engine.line.call("agent.list"))["agents"]}
    assert (names["alice"]["state"], names["alice"]["wish"]) == ("talking", "logged_out")

    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"
    await seen(engine, "agent.removed", agent="alice")
    left = [one["agent"] for one in (await engine.line.call("agent.list"))["agents"]]
    assert left == ["bob"]
    with pytest.raises(Refused, match="neither a telephone number"):
        await engine.callback(NUMBER, "alice")
    other.bye()
    assert (await engine.ended(second))["state"] == "completed"
    await engine.assert_idle()


async def test_sighup_reloads_and_a_wrong_file_does_no_harm(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    alice, customer = wire("alice"), wire("customer")
    engine = await own_engine(agents=[{"name": "alice", "uri": alice.uri}])
    job = await engine.callback(customer.uri, "alice")
    agent = await alice.answer()
    await customer.answer()
    await engine.state("bridged", job)
    rule = {"name": "all", "set": {"priority": 3}}
    engine.process.rewrite_config(rules=[rule | {"match": {"context": {"a": {"regex": "("}}}}])
    os.kill(engine.process.pid, signal.SIGHUP)
    failed = await seen(engine, "engine.reload_failed")
    assert "rules[0].match.context.a.regex" in failed["reason"]
    engine.process.rewrite_config(rules=[rule])
    os.kill(engine.process.pid, signal.SIGHUP)
    taken = await seen(engine, "engine.reloaded")
    assert taken["changes"] == ["rules.all: added"]
    assert "not_reloaded" in engine.process.log()
    assert (await engine.job(job))["state"] == "bridged"
    found = await engine.line.call("route.explain", to=customer.uri, agent="alice")
    assert found["fired"] == ["all"]
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
