"""An agent's screen: it acts for one agent, and sees their calls and nobody else's."""

import pytest

from tests.support.control_line import ControlLine, Refused
from tests.support.engines.process import StartEngine
from tests.support.phones.wire.phone import MakeWire

TOKEN = "0123456789abcdef-alice"


async def test_an_agents_screen_has_their_calls_alone(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    alice, bob, first, second = wire("alice"), wire("bob"), wire("first"), wire("second")
    engine = await own_engine(
        rights=[{"name": "alice-screen", "token": TOKEN, "agent": "alice"}],
        agents=[{"name": "alice", "uri": alice.uri}, {"name": "bob", "uri": bob.uri}],
        queues=[{"name": "sales", "agents": ["alice"]}],
    )
    screen = await ControlLine.open(engine.process.socket)
    await screen.call("auth", token=TOKEN)
    await screen.call("events.subscribe")
    asked = {"queue": "sales", "context": {"site": "shop.example"}}
    hers = (await engine.line.call("callback.request", to=first.uri, **asked))["id"]
    second_job = await engine.callback(second.uri, "bob")
    await alice.answer()
    await bob.answer()
    first_customer, second_customer = await first.answer(), await second.answer()
    await engine.state("bridged", hers)
    await engine.state("bridged", second_job)

    calls = {one["job"]: one for one in (await engine.line.call("call.list"))["calls"]}
    assert [one["job"] for one in (await screen.call("call.list"))["calls"]] == [hers]
    for method, params in (
        ("call.hangup", {"call": calls[second_job]["call"]}),
        ("call.hangup", {"leg": calls[second_job]["legs"][0]["leg"]}),
        ("call.get", {"call": calls[second_job]["call"]}),
        ("callback.get", {"id": second_job}),
        ("agent.pause", {"agent": "bob"}),
        ("callback.request", {"to": first.uri, "agent": "alice"}),
    ):
        with pytest.raises(Refused) as refused:
            await screen.call(method, **params)
        assert refused.value.data["had"] == "agent"
    note = await screen.call("callback.annotate", id=hers, notes="wants a refund")
    assert note["notes"] == ["wants a refund"]
    await screen.call("call.hangup", call=calls[hers]["call"])
    await first_customer.receive("BYE")
    assert (await engine.ended(hers))["state"] == "completed"
    assert (await engine.job(second_job))["state"] == "bridged"
    await screen.events.wait_for(
        lambda event: event["type"] == "callback.completed" and event["job"] == hers,
    )
    second_customer.bye()
    await engine.ended(second_job)

    seen = screen.events.items
    assert {event.get("job") for event in seen} <= {hers, None}
    assert {event.get("agent") for event in seen} <= {"alice", None}
    offered = next(event for event in seen if event["type"] == "agent.offered")
    assert offered["context"] == {"site": "shop.example"}
    entries = (await engine.line.call("audit.list", who="alice-screen"))["entries"]
    assert [(one["method"], one["outcome"]) for one in entries[:2]] == [
        ("call.hangup", "done"), ("callback.annotate", "done")
    ]  # fmt: skip
    assert sum(one["outcome"] == "refused" for one in entries) == 5  # two hang-ups in one second
    await screen.close()
    await engine.assert_idle()
