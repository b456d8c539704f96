"""The recipe for FreeSWITCH, as its reader runs it: callbacks out, calls in, both voices heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.freeswitch import CARRIER_HOST, PHONES_HOST, FreeSwitch
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.ports import free_port
from tests.support.recording import read_wav
from tests.support.waiting import DEADLINE_S

AGENT_HZ, CUSTOMER_HZ = 600, 1500  # neither is in a ringing tone
TALK_S = 1.5
SHOP = "+442079460000"


async def event(engine: EngineClient, kind: str) -> dict[str, Any]:
    """The first event of this type since the test began."""
    return await engine.line.events.wait_for(
        lambda event: event["type"] == kind, timeout_s=DEADLINE_S
    )


@pytest.fixture
async def peers() -> AsyncIterator[AsyncExitStack]:
    """Ends the phones and the PBX of a test, however it goes."""
    async with AsyncExitStack() as stack:
        yield stack


async def test_calls_go_out_and_come_in_beside_freeswitch(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    """With the caller id at the carrier, and the job at the phone."""
    ringback_port = free_port()
    carrier = await SoftphoneProcess.start(
        user="+442079461111", host=CARRIER_HOST, answer_after=0.2, tone=CUSTOMER_HZ,
        record=tmp_path / "carrier{call}.wav",
    )  # fmt: skip
    peers.push_async_callback(carrier.stop)
    pbx = await FreeSwitch.start(
        tmp_path / "freeswitch",
        ringback_port=ringback_port,
        carrier_port=int(carrier.uri.rpartition(":")[2]),
    )
    peers.push_async_callback(pbx.stop)
    alice = await SoftphoneProcess.start(
        user="alice", host=PHONES_HOST, registrar=pbx.uri, username="alice",
        password="alice-secret", answer_after=0.2, tone=AGENT_HZ,
        record=tmp_path / "alice{call}.wav",
    )  # fmt: skip
    peers.push_async_callback(alice.stop)
    await alice.wait_for("registered")
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{ringback_port}", f"tcp:127.0.0.1:{ringback_port}"]},
        trunks=[{
            "name": "pbx", "uri": pbx.uri, "caller_id": SHOP,
        }],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
        agents=[{"name": "alice", "uri": f"sip:alice@{pbx.HOST}:{pbx.port}"}],
        queues=[{"name": "sales", "agents": ["alice"]}],
        inbound=[{"name": "main", "trunks": ["pbx"], "number": SHOP, "queue": "sales"}],
        dial={"headers": {"X-Ringback-Job": "{id}"}},
    )  # fmt: skip
    job = await engine.callback("+442079460123", "alice")
    await engine.state("bridged", job, timeout_s=DEADLINE_S)
    await asyncio.sleep(TALK_S)
    alice.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    called = carrier.seen("incoming")[0]
    assert called["request_uri"].startswith("sip:+442079460123@")
    assert SHOP in called["headers"]["From"]
    rung = alice.seen("incoming")[0]["headers"]
    assert rung["X-Ringback-Job"] == job

    carrier.command(f"call sip:{SHOP}@{pbx.HOST}:{pbx.port}")
    incoming = await event(engine, "call.incoming")
    assert (incoming["dialled"], incoming["trunk"]) == (SHOP, "pbx")
    assert incoming["number"] == "+442079461111"
    await event(engine, "call.bridged")
    await asyncio.sleep(TALK_S)
    carrier.command("hangup")
    assert (await event(engine, "call.ended"))["result"] == "completed"
    for phone in (alice, carrier):
        await phone.wait_for("state", state="disconnected", nth=2)
    for name, hears, says in (
        ("alice", CUSTOMER_HZ, AGENT_HZ), ("carrier", AGENT_HZ, CUSTOMER_HZ),
    ):  # fmt: skip
        for call in (1, 2):
            heard = read_wav(tmp_path / f"{name}{call}.wav")
            assert heard.hears(hears) and not heard.hears(says), (name, call)
