"""Every method replies, and every event says, what docs/openrpc.json describes.

`running` and `VirtualEngine` hold everything that they say against it; here each method is called.
"""

import asyncio
import copy
import json
import re
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.control.event_types import EVENT_TYPES
from engine.control.method_roles import METHODS
from engine.control.schema import openrpc
from ringback_client import Client
from tests.support.engines.in_process import running, settings_in
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import WirePhone
from tests.support.ports import free_port
from tests.support.protocol_check import ProtocolCheck, check_event, check_reply, checked_replies

NUMBER = "+442079460123"
TOKEN = "at least 16 characters"
SITE = {"site": "shop.example"}

CONFIGURATION = """
[streams]
allow = ["ws://127.0.0.1:9"]

[recognition]
engine = "command"
command = ["/bin/sleep", "600"]

[[rights]]
name = "board"
token = "{token}"
role = "administer"
[[queues]]
name = "sales"
[[queues]]
name = "service"
[[agents]]
name = "bea"
uri = "sip:bea@127.0.0.1:{port}"
queues = ["sales"]
[[trunks]]
name = "wire"
uri = "sip:127.0.0.1:{wire_port}"
[[inbound]]
name = "bot"
number = "+442079462"
handler = "client"
[[inbound]]
name = "shop"
number = "+442079461"
queue = "sales"
[[rules]]
name = "shop"
continue = true
[rules.match]
context = {{ site = "shop.example" }}
[rules.set]
priority = 3
[[rates]]
prefix = "+44"
per_minute = 0.02
[[webhooks]]
name = "crm"
url = "http://127.0.0.1:{port}/"
secret = "at least 16 characters"
"""

# In this order: what a later call needs was made before it. What asks for a job or a call that is
# there only in a certain state is below.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("ping", {}),
    ("auth", {"token": TOKEN}),
    ("events.subscribe", {"since": 10_000, "epoch": "another"}),
    ("engine.status", {}),
    ("browser.ice_servers", {}),
    (
        "browser.admit",
        {"site": "shop.example", "queue": "service", "origin": "https://shop.example"},
    ),
    ("engine.reload", {"check": True}),
    ("agent.add", {"agent": "cleo", "uri": "sip:cleo@127.0.0.1:9", "queues": ["service"]}),
    ("agent.list", {}),
    ("agent.get", {"agent": "bea"}),
    ("agent.availability", {"agent": "bea", "days": 1, "slot_min": 240}),
    ("agent.login", {"agent": "cleo"}),
    ("agent.pause", {"agent": "cleo", "reason": "lunch"}),
    ("agent.ready", {"agent": "cleo"}),
    ("agent.skills", {"agent": "cleo", "skills": {"german": 3}}),
    ("agent.address", {"agent": "cleo"}),
    ("agent.logout", {"agent": "cleo"}),
    ("agent.remove", {"agent": "cleo"}),
    ("queue.pause", {"queue": "sales"}),
    ("queue.list", {}),
    ("queue.get", {"queue": "sales"}),
    ("callback.request", {"id": "waits", "to": NUMBER, "queue": "sales", "context": SITE}),
    ("callback.request", {"id": "joins", "to": NUMBER, "queue": "sales", "join": True}),
    ("callback.request", {"id": "later", "to": "+442079460124", "agent": "bea",
                          "not_before": 4e9, "context": SITE}),
    ("queue.entries", {"queue": "sales"}),
    ("queue.availability", {"queue": "sales", "days": 2}),
    ("queue.explain", {"queue": "sales"}),
    ("queue.explain", {"id": "waits"}),
    ("queue.move", {"id": "waits", "queue": "service"}),
    ("queue.resume", {"queue": "sales"}),
    ("trunk.list", {}),
    ("trunk.get", {"trunk": "wire"}),
    ("route.explain", {"to": NUMBER, "queue": "sales", "context": SITE}),
    ("route.explain", {"to": NUMBER, "agent": "bea"}),
    ("route.explain", {"to": NUMBER, "agent": "+442079460999"}),
    ("route.explain", {"to": "112", "agent": "bea"}),
    ("route.explain", {"to": NUMBER, "from_trunk": "pbx", "dialled": "+442079461000"}),
    ("route.explain", {"to": NUMBER, "from_trunk": "pbx", "dialled": "+4930123456"}),
    ("callback.get", {"id": "waits"}),
    ("callback.feign", {"to": NUMBER, "queue": "sales", "queue_taken": 1}),
    ("callback.list", {"limit": 1}),
    ("callback.reschedule", {"id": "later", "not_before": 4.1e9}),
    ("callback.reprioritise", {"id": "later", "priority": 7}),
    ("number.block", {"number": "+442079460125", "reason": "asked us"}),
    ("number.import", {"numbers": [{"number": "+442079460126"}, {"number": "hello"}]}),
    ("number.list", {}),
    ("number.check", {"number": "+442079460125"}),
    ("number.check", {"number": NUMBER}),
    ("number.unblock", {"number": "+442079460125"}),
    ("callback.cancel", {"id": "later"}),
    ("callback.annotate", {"id": "later", "notes": "changed their mind", "rating": 3}),
    ("record.get", {"id": "later"}),
    ("record.list", {}),
    ("history.get", {"number": "+442079460124"}),
    ("report.queue", {}),
    ("report.agent", {}),
    ("report.site", {"interval": "hour"}),
    ("report.job", {"by": "site"}),
    ("report.call", {"by": "rating"}),
    ("report.live", {}),
    ("webhook.add", {"webhook": "erp", "url": "http://127.0.0.1:9/"}),
    ("webhook.test", {"webhook": "erp"}),
    ("webhook.list", {}),
    ("webhook.remove", {"webhook": "erp"}),
    ("webhook.retry", {"webhook": "crm"}),
    ("audit.list", {}),
    ("person.export", {"number": "+442079460124"}),
    ("person.erase", {"number": "+442079460124"}),
    ("record.get", {"id": "later"}),
]  # fmt: skip


async def in_certain_states(daemon: Any, client: Client) -> None:
    """What is asked of a call that is up, of an entry that waits, and after a crash."""
    await client.call("callback.request", id="rings", to=NUMBER, agent="bea", join=False)
    (call,) = [one for one in (await client.call("call.list"))["calls"] if one["job"] == "rings"]
    await client.call("call.get", call=call["call"])
    await client.call("trace.get", call=call["call"])
    await client.call("trace.get", job="rings")
    await client.call("trace.follow", after=0, number=NUMBER)
    await client.call("trace.explain", job="rings")
    up = daemon.registry.calls[call["call"]]
    up.owner = SimpleNamespace(  # as if the two talked
        transfer=lambda order: None, supervise=lambda order: None
    )
    await client.call("call.transfer", call=call["call"], to="sip:carol@127.0.0.1:9")
    await client.call("call.supervise", call=call["call"], to="sip:carol@127.0.0.1:9")
    up.owner = None
    await client.call("call.hangup", call=call["call"])
    await client.call("queue.pause", queue="service")
    await client.call("callback.request", id="in-queue", to="sip:x@127.0.0.1:9", queue="service")
    await client.call("queue.remove", id="in-queue")
    later = {"agent": "alice", "not_before": 4e9, "join": False}
    await client.call("callback.request", id="asks", to=NUMBER, **later)
    daemon.dispatcher.job("asks").decision = "needed"
    await client.call("callback.decide", id="asks", decision="fail")


async def move_calls(client: Client, phone: WirePhone, sip_port: int) -> None:
    """What is asked of calls by command."""

    async def comes_in() -> tuple[WireOutgoing, str]:
        known = {call["call"] for call in (await client.call("call.list"))["calls"]}
        call = WireOutgoing.place(phone, sip_port, "+442079462000")
        while True:
            calls = (await client.call("call.list"))["calls"]
            new = [one["call"] for one in calls if one["call"] not in known]
            if new:
                return call, new[0]
            await asyncio.sleep(0.01)

    _, rejected = await comes_in()
    await client.call("call.reject", call=rejected, status=486, reason="not now")
    _, redirected = await comes_in()
    await client.call("call.redirect", call=redirected, to="alice")
    incoming, call = await comes_in()
    await client.call("call.headers", call=call)
    await client.call("call.ring", call=call)
    answering = asyncio.ensure_future(client.call("call.answer", call=call))
    await incoming.answered()
    leg = (await answering)["legs"][0]["leg"]
    called = await client.call("call.originate", to=phone.uri, beside=leg)
    await (await phone.answer()).acknowledged()
    other = called["legs"][0]["leg"]
    while (await client.call("call.get", leg=other))["state"] != "up":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await client.call("call.bridge", leg=leg, **{"with": other})
    await client.call("call.supervise", leg=leg, to="sip:carol@127.0.0.1:9")
    await client.call("call.hold", leg=leg)
    await client.call("call.resume", leg=leg)
    await client.call("call.send_dtmf", leg=other, digits="1")
    await client.call("call.send_info", leg=other, content_type="text/plain")
    play = (await client.call("call.play", leg=other, tone="busy", loop=True))["play"]
    await client.call("call.stop", leg=other, play=play)
    await client.call("call.say", leg=other, text="Hello")
    recording = (await client.call("recording.start", leg=other))["recording"]
    await client.call("recording.pause", leg=other, reason="card number")
    await client.call("recording.resume", leg=other)
    await client.call("recording.stop", leg=other)
    await client.call("recording.list", limit=1)
    await client.call("recording.get", recording=recording)
    await client.call("recording.delete", recording=recording)
    await client.call("call.detect", leg=other)
    await client.call("call.gather", leg=other, first_digit_s=0.05)
    await client.call("call.recognise", leg=other)
    await client.call("call.unrecognise", leg=other)
    await client.call("call.unbridge", leg=leg)
    await confer(client, leg)
    await client.call("call.stream", leg=leg, url="ws://127.0.0.1:9/")
    await client.call("call.tap", leg=other, url="ws://127.0.0.1:9/")
    for one in (leg, other):
        await client.call("call.unstream", leg=one)
    for one in (leg, other):
        await client.call("call.hangup", leg=one)


async def confer(client: Client, leg: str) -> None:
    """What is asked of conferences."""
    await client.call("conference.create", conference="friday")
    of_leg = {"conference": "friday", "leg": leg}
    await client.call("conference.join", **of_leg)
    await client.call("conference.join", conference="friday", to="sip:carol@127.0.0.1:9")
    await client.call("conference.mute", **of_leg)
    await client.call("conference.deafen", **of_leg)
    await client.call("conference.lock", conference="friday")
    await client.call("conference.record", conference="friday")
    await client.call("conference.record", conference="friday", on=False)
    await client.call("conference.get", conference="friday")
    await client.call("conference.list")
    await client.call("conference.kick", **of_leg, hang_up=False)
    await client.call("conference.create", conference="monday")
    await client.call("conference.end", conference="monday")


async def test_every_method_replies_as_described(tmp_path: Path) -> None:
    check = ProtocolCheck()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        phone, sip_port = WirePhone("wire"), free_port()
        more = CONFIGURATION.format(port=silent.getsockname()[1], wire_port=phone.port, token=TOKEN)
        settings = settings_in(tmp_path, sip_port=sip_port, more=more, web=True)
        async with running(settings) as (daemon, client):
            daemon.reload._environ = {}
            check.watch(daemon.events)
            with checked_replies(check):
                for method, params in CALLS:
                    await client.call(method, **params)
                await in_certain_states(daemon, client)
                await move_calls(client, phone, sip_port)
                await client.call("engine.drain", timeout_s=0)
                phone.close()
    check.finish()
    assert METHODS.keys() - check.methods.keys() == set(), "call each method here"
    assert {"queue.joined", "number.blocked", "leg.dialing"} <= check.types.keys()


def types_in(said: object, schemas: dict[str, Any]) -> set[str]:
    """The names of the types that a part of the document refers to, and of those in them."""
    found: set[str] = set()
    waiting = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(said))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schemas[name]))
    return found


def test_every_member_has_a_sentence() -> None:
    document = openrpc()
    schemas = document["components"]["schemas"]
    said = [method["result"] for method in document["methods"]] + document["x-events"]
    silent = {
        f"{name}.{member}"
        for name in [*types_in(said, schemas), "Event", "ErrorData"]
        for member, described in schemas[name].get("properties", {}).items()
        if not described.get("description")
    }
    assert silent == set()
    for method in document["methods"]:
        assert method["result"]["schema"] not in ({}, {"type": "object"}), method["name"]
    for event in document["x-events"]:
        members = event["schema"].get("properties", {})
        assert all(one["description"] for one in members.values())
        assert set(event["members"]) <= members.keys() | schemas["Event"]["properties"].keys()
    assert [event["name"] for event in document["x-events"]] == sorted(EVENT_TYPES)


@pytest.mark.parametrize("wrong", [{"removed": 1}, {"agent": 5}, {"more": 1}])
def test_what_is_not_described_is_found(wrong: dict[str, Any]) -> None:
    check_reply("agent.remove", {"agent": "bea", "removed": True})
    with pytest.raises(AssertionError, match=r"agent\.remove"):
        check_reply("agent.remove", {"agent": "bea", "removed": True} | wrong)
    event = {"seq": 1, "epoch": "e", "time": 1.0, "type": "queue.paused", "queue": "sales"}
    check_event(copy.deepcopy(event))
    with pytest.raises(AssertionError, match=r"queue\.paused"):
        check_event(event | {"trunk": "pbx"})
