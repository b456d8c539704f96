"""The recipe for Kamailio, as its reader runs it: registrations, digest, calls both ways."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.kamailio import Kamailio
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.recording import read_wav
from tests.support.waiting import DEADLINE_S

AGENT_HZ, CUSTOMER_HZ = 600, 1500  # neither is in a ringing tone
TALK_S = 1.5


async def event(engine: EngineClient, kind: str) -> dict[str, Any]:
    """The first event of this type since the test began."""
    return await engine.line.events.wait_for(
        lambda event: event["type"] == kind, timeout_s=DEADLINE_S
    )


async def trunk_is(engine: EngineClient, state: str) -> dict[str, Any]:
    """The view of the one trunk, once it is in `state`."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (trunk,) = (await engine.line.call("engine.status"))["trunks"]
            if trunk["state"] == state:
                return dict(trunk)
            await asyncio.sleep(0.05)


@pytest.fixture
async def peers() -> AsyncIterator[AsyncExitStack]:
    """Ends the phones and the edge of a test, however it goes."""
    async with AsyncExitStack() as stack:
        yield stack


async def test_calls_go_out_and_come_in_through_an_edge_that_authenticates_everybody(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    carrier = await SoftphoneProcess.start(
        user="carrier", answer_after=0.2, tone=CUSTOMER_HZ, record=tmp_path / "carrier{call}.wav"
    )
    peers.push_async_callback(carrier.stop)
    edge = await Kamailio.start(tmp_path, carrier_port=int(carrier.uri.rpartition(":")[2]))
    peers.push_async_callback(edge.stop)
    alice = await SoftphoneProcess.start(
        user="alice", registrar=edge.uri, username="alice", password="alice-secret",
        answer_after=0.2, tone=AGENT_HZ, record=tmp_path / "alice{call}.wav",
    )  # fmt: skip
    peers.push_async_callback(alice.stop)
    await alice.wait_for("registered")
    engine = await own_engine(
        trunks=[{
            "name": "edge", "uri": edge.uri, "username": "ringback",
            "password": "ringback-secret", "register": True, "users": "[a-z]+",
        }],
        routes=[{"prefix": "+44", "trunks": ["edge"]}],
        agents=[{"name": "alice", "uri": f"sip:alice@127.0.0.1:{edge.port}"}],
        queues=[{"name": "sales", "agents": ["alice"]}],
        inbound=[{"name": "main", "trunks": ["edge"], "number": "+442079460000", "queue": "sales"}],
    )  # fmt: skip
    await trunk_is(engine, "registered")
    job = await engine.callback("+442079460123", "alice")
    await engine.state("bridged", job)
    await asyncio.sleep(TALK_S)
    alice.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    assert carrier.seen("incoming")[0]["request_uri"].startswith("sip:+442079460123@")

    carrier.command(f"call sip:+442079460000@127.0.0.1:{edge.port}")
    incoming = await event(engine, "call.incoming")
    assert (incoming["dialled"], incoming["trunk"]) == ("+442079460000", "edge")
    await event(engine, "call.bridged")
    await asyncio.sleep(TALK_S)
    carrier.command("hangup")
    assert (await event(engine, "call.ended"))["result"] == "completed"
    for name, hears, says in (
        ("alice", CUSTOMER_HZ, AGENT_HZ), ("carrier", AGENT_HZ, CUSTOMER_HZ),
    ):  # fmt: skip
        for call in (1, 2):
            heard = read_wav(tmp_path / f"{name}{call}.wav")
            assert heard.hears(hears) and not heard.hears(says), (name, call)


async def test_a_wrong_password_is_told(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    edge = await Kamailio.start(tmp_path, carrier_port=9)
    peers.push_async_callback(edge.stop)
    engine = await own_engine(
        trunks=[{
            "name": "edge", "uri": edge.uri, "username": "ringback", "password": "wrong",
            "register": True,
        }],
    )  # fmt: skip
    failed = await trunk_is(engine, "failed")
    assert failed["reason"].startswith("401")
