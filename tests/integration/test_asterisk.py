"""The recipe for Asterisk, as its reader runs it: callbacks out, calls in, both voices heard."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.asterisk import CARRIER_HOST, PHONES_HOST, Asterisk
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.ports import free_port
from tests.support.recording import read_wav
from tests.support.waiting import DEADLINE_S

AGENT_HZ, CUSTOMER_HZ, THIRD_HZ = 600, 1500, 2200  # neither is in a ringing tone
TALK_S = 1.5
# How long the talk with session timers lasts: by hand it is tried for five minutes.
TIMED_TALK_S = float(os.environ.get("RINGBACK_ASTERISK_TALK_S", TALK_S))
REFRESH_S = 45
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


async def test_calls_go_out_and_come_in_beside_asterisk(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    """With the caller id in P-Asserted-Identity, and the job in User-to-User at the phone."""
    ringback_port = free_port()
    carrier = await SoftphoneProcess.start(
        user="+442079461111", host=CARRIER_HOST, answer_after=0.2, tone=CUSTOMER_HZ,
        record=tmp_path / "carrier{call}.wav",
    )  # fmt: skip
    peers.push_async_callback(carrier.stop)
    pbx = await Asterisk.start(
        tmp_path / "asterisk",
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
            "name": "pbx", "uri": pbx.uri, "username": "ringback", "password": "ringback-secret",
            "identity": "pai", "caller_id": SHOP,
        }],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
        agents=[{"name": "alice", "uri": f"sip:alice@127.0.0.1:{pbx.port}"}],
        queues=[{"name": "sales", "agents": ["alice"]}],
        inbound=[{"name": "main", "trunks": ["pbx"], "number": SHOP, "queue": "sales"}],
        dial={"headers": {"User-to-User": "{id}"}},
    )  # fmt: skip
    job = await engine.callback("+442079460123", "alice")
    await engine.state("bridged", job, timeout_s=DEADLINE_S)
    await asyncio.sleep(TALK_S)
    alice.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    called = carrier.seen("incoming")[0]
    assert called["request_uri"].startswith("sip:+442079460123@")
    assert SHOP in called["headers"]["P-Asserted-Identity"]
    rung = alice.seen("incoming")[0]["headers"]
    assert rung["User-to-User"] == job.encode().hex() + ";encoding=hex"

    carrier.command(f"call sip:{SHOP}@127.0.0.1:{pbx.port}")
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


async def test_registration_hold_and_transfer_over_tls_with_srtp(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    """Session timers are kept between the engine and Asterisk, as long as the talk is."""
    authority = Authority(tmp_path / "authority")
    theirs, ours = authority.certificate("127.0.0.1"), authority.certificate("127.0.0.1")
    ringback_port = free_port()
    carrier = await SoftphoneProcess.start(
        user="+442079461111", host=CARRIER_HOST, answer_after=0.2, tone=CUSTOMER_HZ,
        record=tmp_path / "carrier.wav",
    )  # fmt: skip
    peers.push_async_callback(carrier.stop)
    pbx = await Asterisk.start(
        tmp_path / "asterisk",
        ringback_port=ringback_port,
        carrier_port=int(carrier.uri.rpartition(":")[2]),
        certificate=theirs,
    )
    peers.push_async_callback(pbx.stop)
    alice = await SoftphoneProcess.start(
        user="alice", host=PHONES_HOST, answer_after=0.2, tone=AGENT_HZ,
        record=tmp_path / "alice.wav",
    )  # fmt: skip
    peers.push_async_callback(alice.stop)
    carol = await SoftphoneProcess.start(
        user="carol", host=PHONES_HOST, answer_after=0.2, tone=THIRD_HZ,
        record=tmp_path / "carol.wav",
    )  # fmt: skip
    peers.push_async_callback(carol.stop)
    tls = {"cert": ours.cert, "key": ours.key, "ca": ours.ca, "verify_client": True}
    engine = await own_engine(
        sip={
            "listen": [f"tls:127.0.0.1:{ringback_port}", f"udp:127.0.0.1:{free_port()}"],
            "tls": tls,
        },
        trunks=[{
            "name": "pbx", "uri": f"sip:127.0.0.1:{pbx.tls_port};transport=tls",
            "username": "ringback", "password": "ringback-secret", "register": True,
            "srtp": "required", "session_expires_s": 30, "caller_id": SHOP,
        }],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
        agents=[{"name": "alice", "uri": alice.uri}, {"name": "carol", "uri": carol.uri}],
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (trunk,) = (await engine.line.call("engine.status"))["trunks"]
            if trunk["state"] == "registered":
                break
            await asyncio.sleep(0.1)
    job = await engine.callback("+442079461111", "alice")
    await engine.state("bridged", job, timeout_s=DEADLINE_S)
    call = (await engine.event("callback.bridged", job))["call"]
    alice.command("hold")
    await asyncio.sleep(0.5)
    alice.command("unhold")
    await asyncio.sleep(TIMED_TALK_S)
    await engine.line.call("call.transfer", call=call, agent="carol")
    await event(engine, "transfer.completed")
    await asyncio.sleep(TALK_S)
    carol.command("hangup")
    record = await engine.ended(job)
    assert record["state"] == "completed"
    customer = next(one for one in record["attempts"][0]["legs"] if one["role"] == "customer")
    assert customer["srtp"]
    trace = await engine.line.call("trace.get", job=job)
    over_tls = [one for one in trace["messages"] if one["transport"] == "tls"]
    asked = [one for one in over_tls if one["method"] == "INVITE" and one["status"] is None]
    assert "Session-Expires: 30" in asked[0]["text"]
    granted = [
        one for one in over_tls if one["status"] == 200 and "Session-Expires: 90" in one["text"]
    ]
    assert len(granted) >= 1 + TIMED_TALK_S // REFRESH_S
    await carrier.wait_for("state", state="disconnected")
    assert read_wav(tmp_path / "carrier.wav").hears(AGENT_HZ)
    assert read_wav(tmp_path / "carrier.wav").hears(THIRD_HZ)
