"""Hosts that a description names: looked up, not found, overtaken, or of nobody known."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.dialling import Caller
from engine.calls.leg import Leg
from tests.support.legs import Published, answered, run_leg
from tests.support.scene import Scene


def test_a_description_that_names_a_host_is_looked_up(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.names["phone.example"] = ["2001:db8::1", "192.0.2.7"]
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        (await stage.phone()).answers(host="phone.example")
        await dialling
        await asyncio.sleep(0)
        assert [(peer.host, peer.must_speak) for peer in stage.media.peers] == [
            ("192.0.2.7", False)
        ]

    run_leg(tmp_path, script)


def test_a_host_that_is_not_found_ends_the_call(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.names["v6.example"] = ["2001:db8::1"]
        phone = await answered(stage, leg)
        phone.describes("v6.example")
        await asyncio.sleep(0.1)
        assert phone.is_hung_up
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "incompatible"
        assert "v6.example" in leg.hangup_cause.phrase

    run_leg(tmp_path, script)


def test_a_later_description_overtakes_a_name_that_is_being_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        async def slowly(host: str) -> list[str]:
            await asyncio.sleep(3.0)
            return ["192.0.2.7"]

        monkeypatch.setattr(stage.sip, "addresses_of", slowly)
        phone = await answered(stage, leg)
        phone.describes("phone.example")
        await asyncio.sleep(1.0)
        phone.describes("192.0.2.8")
        await asyncio.sleep(5.0)
        assert [peer.host for peer in stage.media.peers] == ["127.0.0.1", "192.0.2.8"]

    run_leg(tmp_path, script)


def test_a_host_of_nobody_known_gets_no_media_before_it_speaks(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.not_permitted.add("203.0.113.9")
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        (await stage.phone()).answers(host="203.0.113.9")
        await dialling
        assert [(peer.host, peer.must_speak) for peer in stage.media.peers] == [
            ("203.0.113.9", True)
        ]

    run_leg(tmp_path, script)
