"""trace.get, trace.follow and trace.explain on the socket: what is given, and to whom."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.rights import Right
from engine.control.methods.traces import TraceMethods
from engine.control.requests.in_flight import MOST_REPLY_BYTES
from engine.trace.trace import Trace
from ringback_client import Client, RequestRejected
from tests.support.engines.in_process import RunningEngine, refused_by_engine, running, settings_in
from tests.support.traces import (
    AGENT,
    OURS,
    STRANGER,
    AnyCall,
    failed_job,
    inbound,
    leg,
    one_call,
    request,
)

TOKEN = "0123456789abcdef-%s"
ROLES: dict[str, dict[str, Any]] = {
    "shop": {"role": "read", "sites": ["shop.example"]},
    "board": {"role": "read"},
    "form": {"role": "request"},
    "agent": {"agent": "alice"},
}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    """An engine with clients of all roles."""
    rights = [
        Right.model_validate({"name": name, "token": TOKEN % name, **rest})
        for name, rest in ROLES.items()
    ]
    settings = settings_in(tmp_path)
    async with running(settings.model_copy(update={"rights": rights})) as pair:
        yield pair


async def of(engine: RunningEngine, name: str) -> Client:
    """A client with the rights of this name."""
    client = await Client.connect(str(engine.daemon.settings.control.socket))
    await client.call("auth", token=TOKEN % name)
    return client


def test_pages_of_messages_are_made_for_those_who_take_them() -> None:
    table = TraceMethods(Trace(), None, None, lambda _id: None).table()  # type: ignore[arg-type]
    assert all(method.is_large for method in table.values())
    assert table["trace.follow"].until is not None


async def test_a_callback_has_the_sip_of_its_calls_and_the_cause(engine: RunningEngine) -> None:
    client = engine.client
    await failed_job(client, "order-17", "shop.example")
    traced = await client.call("trace.get", job="order-17")
    (call,) = traced["calls"]
    assert (call["job"], call["site"], call["number"]) == (
        "order-17",
        "shop.example",
        "+442079460000",
    )
    assert call["result"] == "unreachable" and call["cause"].startswith("Agent ")
    assert call["ended_at"] is not None and call["messages"] == len(traced["messages"]) >= 1
    invite = traced["messages"][0]
    assert (invite["method"], invite["direction"], invite["leg"]) == (
        "INVITE", "sent", call["legs"][0]["leg"],
    )  # fmt: skip
    assert invite["audio"]["codecs"][:2] == ["PCMU", "PCMA"]
    assert invite["local"] == f"127.0.0.1:{engine.daemon.sip.addresses[0].port}"
    by_call = await client.call("trace.get", call=call["call"])
    by_dialog = await client.call("trace.get", call_id=invite["call_id"])
    assert by_call["messages"] == by_dialog["messages"] == traced["messages"]

    story = await client.call("trace.explain", job="order-17")
    words = " ".join(one["text"] for one in story["sentences"])
    assert "A callback to +442079460000 was requested" in words and "for shop.example" in words
    assert "Attempt 1 ended, unreachable" in words and "The callback failed" in words
    assert (await client.call("trace.explain", call=call["call"]))["job"] == "order-17"


async def test_a_call_by_command_says_how_it_ended(engine: RunningEngine) -> None:
    kept = engine.daemon.trace
    kept.belongs(AnyCall("c1", ending=("busy", "486 Busy Here")), leg("leg-1", call_id="sip-1"))
    kept.received(request("INVITE", "sip-1"), AGENT, OURS)
    kept.over("c1")
    (call,) = (await engine.client.call("trace.get", call="c1"))["calls"]
    assert (call["result"], call["cause"]) == ("busy", "486 Busy Here.")
    story = await engine.client.call("trace.explain", call="c1")
    assert "The call ended. 486 Busy Here." in [one["text"] for one in story["sentences"]]


async def test_what_there_is_not_is_not_found(engine: RunningEngine) -> None:
    for wrong in ({}, {"call": "a", "job": "b"}):
        with pytest.raises(RequestRejected, match="give"):
            await engine.client.call("trace.get", **wrong)
    for params in ({"call": "x"}, {"job": "x"}, {"call_id": "x"}):
        error = await refused_by_engine(engine.client, "trace.get", **params)
        assert (error.kind, error.field) == ("not_found", next(iter(params)))
    for params in ({"call": "x"}, {"job": "x"}):
        error = await refused_by_engine(engine.client, "trace.explain", **params)
        assert (error.kind, error.field) == ("not_found", next(iter(params)))
    with pytest.raises(RequestRejected, match=r"trace\.get"):
        await engine.client.call("trace.get", call="x", cursor="soon")
    waits = {"to": "+442079460000", "agent": "alice", "id": "waits", "not_before": 4e9}
    await engine.client.call("callback.request", **waits)
    empty = await engine.client.call("trace.get", job="waits")
    assert empty == {"calls": [], "messages": [], "cursor": None}


async def test_a_long_trace_comes_in_pages_that_fit_on_a_line(engine: RunningEngine) -> None:
    kept = engine.daemon.trace
    kept.belongs(AnyCall("long"), leg("leg-long", call_id="sip-long"))
    for number in range(40):
        body = b"\x01" * 30_000  # six bytes each as JSON
        kept.received(request("MESSAGE", "sip-long", cseq=number, body=body), AGENT, OURS)
    numbers: list[int] = []
    cursor: dict[str, str] = {}
    pages = 0
    while True:
        page = await engine.client.call("trace.get", call="long", **cursor)
        assert len(json.dumps(page)) < MOST_REPLY_BYTES
        numbers += [one["cseq"] for one in page["messages"]]
        pages += 1
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert numbers == list(range(40)) and pages > 5
    few = await engine.client.call("trace.get", call="long", limit=2)
    assert len(few["messages"]) == 2 and few["cursor"] is not None


async def test_messages_are_followed_as_they_come(engine: RunningEngine) -> None:
    kept, client = engine.daemon.trace, engine.client
    waiting = asyncio.create_task(client.call("trace.follow", number="02079460000", wait_s=20))
    await asyncio.sleep(0.1)
    kept.received(request("OPTIONS", "other").replace(b"+442079460000", b"bob"), STRANGER, OURS)
    await asyncio.sleep(0.1)
    assert not waiting.done()
    inbound(kept, "c1", "shop.example", is_over=False)
    page = await waiting
    assert [one["call"] for one in page["messages"]] == ["c1"]
    assert [one["call"] for one in page["calls"]] == ["c1"]
    nothing = await client.call("trace.follow", after=page["after"], wait_s=0)
    assert nothing["messages"] == []
    everything = await client.call("trace.follow", after=0, wait_s=0, limit=1)
    assert [one["method"] for one in everything["messages"]] == ["OPTIONS"]
    rest = await client.call("trace.follow", after=everything["after"], wait_s=0)
    assert [one["method"] for one in rest["messages"]] == ["INVITE"]


async def test_who_follows_several_numbers_gets_each_when_it_comes(engine: RunningEngine) -> None:
    kept, client = engine.daemon.trace, engine.client
    numbers = [f"+4420794600{n:02d}" for n in range(4)]
    following = [
        asyncio.create_task(client.call("trace.follow", number=number, wait_s=40))
        for number in numbers
    ]
    await asyncio.sleep(0.1)
    for n in (2, 0, 3, 1):
        about = request("INVITE", f"f{n}").replace(b"+442079460000", numbers[n].encode())
        kept.received(about, STRANGER, OURS)
        page = await following[n]
        assert [one["call_id"] for one in page["messages"]] == [f"f{n}"]


async def test_a_client_of_some_sites_sees_their_calls_and_no_others(engine: RunningEngine) -> None:
    root, kept = engine.client, engine.daemon.trace
    for site in ("shop.example", "other.example"):
        await failed_job(root, f"job-{site}", site)
        inbound(kept, f"call-{site}", site)
    kept.sent(request("REGISTER", "ours"), AGENT, OURS)
    (other,) = (await root.call("trace.get", job="job-other.example"))["calls"]
    dialog = (await root.call("trace.get", job="job-other.example"))["messages"][0]["call_id"]
    async with await of(engine, "shop") as shop:
        assert (await shop.call("trace.get", job="job-shop.example"))["messages"]
        assert (await shop.call("trace.get", call="call-shop.example"))["messages"]
        assert (await shop.call("trace.explain", job="job-shop.example"))["sentences"]
        assert (await shop.call("trace.explain", call="call-shop.example"))["sentences"]
        for method, params in (
            ("trace.get", {"job": "job-other.example"}),
            ("trace.get", {"job": "none"}),
            ("trace.get", {"call": "call-other.example"}),
            ("trace.get", {"call": other["call"]}),
            ("trace.get", {"call": "none"}),
            ("trace.get", {"call_id": dialog}),
            ("trace.get", {"call_id": "ours"}),
            ("trace.explain", {"job": "job-other.example"}),
        ):
            error = await refused_by_engine(shop, method, **params)
            assert error.kind == "refused" and "own jobs only" in error.message, (method, params)
        for call in ("call-other.example", other["call"], "none"):
            error = await refused_by_engine(shop, "trace.explain", call=call)
            assert (error.kind, error.message) == ("not_found", f"there is no call {call}")
        followed = await shop.call("trace.follow", after=0, wait_s=0)
        mine = {one["call"] for one in followed["calls"]}
        assert {one["site"] for one in followed["calls"]} == {"shop.example"}
        assert followed["messages"] and {one["call"] for one in followed["messages"]} == mine
        assert "other.example" not in json.dumps(followed)


@pytest.mark.parametrize("name", ["form", "agent"])
async def test_who_may_not_read_sees_nothing(engine: RunningEngine, name: str) -> None:
    inbound(engine.daemon.trace, "c1", "shop.example")
    async with await of(engine, name) as client:
        for method, params in (
            ("trace.get", {"call": "c1"}),
            ("trace.get", {"call_id": "sip-c1"}),
            ("trace.follow", {"after": 0}),
            ("trace.explain", {"call": "c1"}),
        ):
            error = await refused_by_engine(client, method, **params)
            assert error.kind == "refused" and error.data["role"] == "read"


async def test_who_may_read_sees_all(engine: RunningEngine) -> None:
    inbound(engine.daemon.trace, "c1", "shop.example")
    async with await of(engine, "board") as board:
        assert (await board.call("trace.get", call="c1"))["calls"][0]["from"] == "+442079460000"
        assert (await board.call("trace.follow", after=0, wait_s=0))["messages"]


async def test_the_traces_of_a_person_are_erased_with_them(engine: RunningEngine) -> None:
    client, kept = engine.client, engine.daemon.trace
    await failed_job(client, "theirs", "shop.example")
    inbound(kept, "theirs-too", "shop.example")
    one_call(kept, "stays")
    kept.received(request("INVITE", "refused"), STRANGER, OURS)
    kept.received(request("INVITE", "another").replace(b"+442079460000", b"x"), STRANGER, OURS)
    await client.call("person.erase", number="+442079460000")
    assert (await client.call("trace.get", job="theirs"))["calls"] == []
    for params in ({"call": "theirs-too"}, {"call_id": "refused"}):
        assert (await refused_by_engine(client, "trace.get", **params)).kind == "not_found"
    assert (await client.call("trace.get", call="stays"))["messages"]
    assert (await client.call("trace.get", call_id="another"))["messages"]


async def test_without_any_trace_it_says_so(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, more="[trace]\nkeep_calls = 0\n")) as pair:
        error = await refused_by_engine(pair.client, "trace.get", job="x")
        assert error.kind == "state" and "trace.keep_calls is 0" in error.message
        assert (await refused_by_engine(pair.client, "trace.follow")).kind == "state"


async def test_many_calls_of_one_job_come_in_pages_too(engine: RunningEngine) -> None:
    """Each page has the calls of its messages; legs without number do not make it too long."""
    await failed_job(engine.client, "often", "shop.example")
    kept = engine.daemon.trace
    for number in range(40):
        call = AnyCall(f"talk-{number:02}", "often")
        for leg_number in range(60):
            dialog = f"{number}-{leg_number}"
            record = leg(f"leg-{dialog}", call_id=dialog)
            record.uri = f"sip:{'x' * 300}@192.0.2.9"
            kept.belongs(call, record)
        kept.sent(request("INVITE", f"{number}-0"), AGENT, OURS)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await engine.client.call("trace.get", job="often", **cursor)
        assert len(json.dumps(page)) < MOST_REPLY_BYTES
        mine = {one["call"] for one in page["messages"]}
        assert {one["call"] for one in page["calls"]} == mine
        seen += [one["call"] for one in page["messages"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    ours = sorted(one for one in seen if one.startswith("talk-0"))
    assert ours == [f"talk-{number:02}" for number in range(10)]
