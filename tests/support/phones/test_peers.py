"""The peers against each other: what the integration tests lean on has to hold by itself.

PJSIP is the other side throughout, so that no peer is judged by its own reading of SIP.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.phones.errors import PATIENCE_S
from tests.support.phones.real import peer_process
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.peer_process import PeerProcess
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.phones.wire.phone import WirePhone
from tests.support.recording import read_wav

Start = Callable[..., Awaitable[SoftphoneProcess]]


@pytest.fixture
async def phone() -> AsyncIterator[Start]:
    started: list[SoftphoneProcess] = []

    async def start(**options: object) -> SoftphoneProcess:
        started.append(await SoftphoneProcess.start(**options))
        return started[-1]

    yield start
    for each in started:
        await each.stop()


async def test_a_program_that_a_test_leaves_is_killed() -> None:
    peer = await PeerProcess.start("sleeper", ["sleep", "1000"])
    assert peer in peer_process.started
    peer.kill_if_left()
    assert peer not in peer_process.started
    assert await peer.wait(PATIENCE_S) == -signal.SIGKILL
    peer.kill_if_left()  # whoever has its number now is left alone


@pytest.mark.parametrize(
    ("scenario", "options"),
    [("answer", {"pause_ms": 200}), ("answer_pcma", {}), ("early_media", {"pause_ms": 200})],
)
async def test_sipp_answers(
    phone: Start, tmp_path: Path, scenario: str, options: dict[str, int]
) -> None:
    sipp = await Sipp.start(scenario, tmp_path, pause_ms=options.get("pause_ms", 0))
    caller = await phone(call=sipp.uri, once=True, hangup_after=0.2)
    assert await caller.wait(PATIENCE_S) == 0
    await sipp.finished()
    assert [m.what for m in sipp.messages() if m.received] == ["INVITE", "ACK", "BYE"]


async def test_sipp_hangs_up(phone: Start, tmp_path: Path) -> None:
    sipp = await Sipp.start("hang_up", tmp_path, pause_ms=100)
    caller = await phone(call=sipp.uri, once=True)
    assert await caller.wait(PATIENCE_S) == 0
    await sipp.finished()


async def test_sipp_refuses(phone: Start, tmp_path: Path) -> None:
    sipp = await Sipp.start("refuse", tmp_path, keys={"status": "480", "phrase": "Gone Fishing"})
    caller = await phone(call=sipp.uri, once=True)
    assert await caller.wait(PATIENCE_S) == 1
    await sipp.finished()
    (ended,) = caller.seen("state", state="disconnected")
    assert (ended["status"], ended["reason"]) == (480, "Gone Fishing")


async def test_sipp_rings_until_cancelled(phone: Start, tmp_path: Path) -> None:
    sipp = await Sipp.start("never_answer", tmp_path)
    caller = await phone(call=sipp.uri, once=True)
    await caller.wait_for("state", state="early")
    caller.command("hangup")
    assert await caller.wait(PATIENCE_S) == 1
    await sipp.finished()
    assert sipp.received("CANCEL")


async def test_sipp_holds(phone: Start, tmp_path: Path) -> None:
    sipp = await Sipp.start("hold", tmp_path, pause_ms=300)
    caller = await phone(call=sipp.uri, once=True)
    await caller.wait_for("media", held=True, direction="recvonly")
    await caller.wait_for("media", direction="sendrecv", nth=2)
    caller.command("hangup")
    await sipp.finished()


@pytest.mark.parametrize(("password", "status"), [("s3cret", 200), ("wrong", 403)])
async def test_sipp_checks_a_digest(
    phone: Start, tmp_path: Path, password: str, status: int
) -> None:
    sipp = await Sipp.start("challenge", tmp_path)
    caller = await phone(
        call=sipp.uri, username="ringback", password=password, hangup_after=0.1, once=True
    )
    assert await caller.wait(PATIENCE_S) == (0 if status == 200 else 1)
    assert next(e["status"] for e in caller.seen("state") if e["status"] >= 200) == status
    await sipp.finished()


async def test_baresip_answers_hears_and_is_heard(phone: Start, tmp_path: Path) -> None:
    baresip = await Baresip.start(tmp_path, tone_hz=700)
    caller = await phone(call=baresip.uri, tone=1000, record=tmp_path / "heard.wav")
    await caller.wait_for("state", state="confirmed")
    await asyncio.sleep(1.0)
    baresip.command("sndcode", "5")
    await caller.wait_for("dtmf", digit="5")
    baresip.command("hangup")
    await caller.wait_for("state", state="disconnected")
    await baresip.stop()
    await caller.stop()
    assert read_wav(tmp_path / "heard.wav").hears(700)
    assert baresip.heard().hears(1000) and not baresip.heard().hears(700)


async def test_the_wire_phone_talks_to_pjsip(phone: Start, tmp_path: Path) -> None:
    wire = WirePhone("wire", codec="PCMA")
    caller = await phone(call=wire.uri, tone=1000, record=tmp_path / "heard.wav")
    call = await wire.answer(tone_hz=500)
    await caller.wait_for("state", state="confirmed")
    await asyncio.sleep(1.0)
    call.rtp.send_digit(7)
    await caller.wait_for("dtmf", digit="7")
    call.reinvite("sendonly")
    call.acknowledge(await call.receive("200"))
    await caller.wait_for("media", direction="recvonly", held=True)
    call.bye()
    await caller.wait_for("state", state="disconnected")
    await caller.stop()
    assert read_wav(tmp_path / "heard.wav").hears(500)
    heard = call.rtp.heard()
    assert heard.hears(1000) and not heard.hears(500)
    assert call.rtp.longest_gap_s() > 0.015
    assert call.rtp.longest_pause_s() < 0.3
    wire.close()


async def test_the_wire_phone_refuses_and_is_cancelled(phone: Start) -> None:
    wire = WirePhone("wire")
    caller = await phone(call=wire.uri, once=True)
    await wire.refuse(486, "Busy Here")
    assert await caller.wait(4) == 1
    caller = await phone(call=wire.uri, once=True)
    call = await wire.called()
    call.ring()
    await caller.wait_for("state", state="early")
    caller.command("hangup")
    await call.receive("CANCEL")
    await call.acknowledged()
    wire.close()
