"""Which address a leg calls: names that are looked up, silent hosts, and phones that still ring."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.dialling import Caller
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg, LegEnded
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed
from tests.support.legs import Published, dialled, kinds, run_leg
from tests.support.scene import Scene

A, B = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.2", 5060)


def test_a_leg_hung_up_during_the_lookup_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        looked_up = asyncio.Event()
        find = stage.sip.hops

        async def slowly(uri: str, _trunk: str = "") -> tuple[Hop, ...]:
            await looked_up.wait()
            return await find(uri)

        monkeypatch.setattr(stage.sip, "hops", slowly)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "ringback"), ring_s=30.0))
        await asyncio.sleep(1)
        leg.hang_up(HangupCause("hung_up", "hung up by command"))
        looked_up.set()
        with pytest.raises(LegEnded, match="hung up by command"):
            await dialling
        assert stage.sip.phones.empty()
        assert kinds(published) == ["leg.dialing", "leg.ended"]

    run_leg(tmp_path, script)


def test_a_phone_that_has_not_confirmed_its_cancel_is_called_once_it_has(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        clear = stage.sip.clearing[leg.destination.targets[0].target] = asyncio.Event()
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "ringback"), ring_s=30.0))
        await asyncio.sleep(10)
        assert stage.sip.phones.empty()
        clear.set()
        (await stage.phone()).answers()
        await dialling
        assert kinds(published) == ["leg.dialing", "leg.answered"]

    run_leg(tmp_path, script)


def test_a_leg_that_waits_for_its_phone_can_be_hung_up(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        stage.sip.clearing[leg.destination.targets[0].target] = asyncio.Event()
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "ringback"), ring_s=30.0))
        await asyncio.sleep(1)
        leg.hang_up(HangupCause("hung_up", "hung up by command"))
        with pytest.raises(LegEnded, match="hung up by command"):
            await asyncio.wait_for(dialling, 0.1)
        assert stage.sip.phones.empty()

    run_leg(tmp_path, script)


def test_a_phone_that_never_confirms_is_not_called(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        stage.sip.clearing[leg.destination.targets[0].target] = asyncio.Event()
        await leg.open()
        with pytest.raises(LegEnded, match="no answer within 30 s"):
            await leg.dial(caller=Caller(None, "ringback"), ring_s=30.0)
        assert stage.sip.phones.empty()

    run_leg(tmp_path, script)


def test_the_addresses_of_a_name_are_tried_in_turn(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.leads_to = (A, B)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        first = await stage.phone()
        assert first.invitation.hop == A
        first.is_unreachable()
        second = await stage.phone()
        assert second.invitation.hop == B
        second.rings()
        second.answers()
        await dialling
        assert stage.sip.rested == [A]
        assert stage.media.peers[-1].sip_host == B.host

    run_leg(tmp_path, script)


def test_an_address_that_is_silent_gives_way_to_the_next(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.leads_to = (A, B)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        first, second = await stage.phone(), await stage.phone()
        assert first.is_hung_up
        assert asyncio.get_running_loop().time() == 5.0
        second.answers()
        await dialling

    run_leg(tmp_path, script)


@pytest.mark.parametrize(("status", "tried"), [(503, 2), (486, 1), (404, 1), (500, 1), (403, 1)])
def test_only_an_address_that_cannot_serve_gives_way(
    tmp_path: Path, status: int, tried: int
) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        stage.sip.leads_to = (A, B)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        for _ in range(tried):
            (await stage.phone()).refuses(status)
        with pytest.raises(LegEnded):
            await dialling
        assert stage.sip.phones.empty()

    run_leg(tmp_path, script)


def test_a_trunk_whose_name_leads_nowhere_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        async def stalls(uri: str, _trunk: str = "") -> tuple[Hop, ...]:
            if "5071" in uri:
                await asyncio.sleep(5.0)
                raise ResolutionFailed("trunk.example: no answer from the name service")
            return (A,)

        monkeypatch.setattr(stage.sip, "hops", stalls)
        leg.destination = stage.services.dialplan.destination("+442079460000", field="to")
        dialling, phone = await dialled(stage, leg)
        assert asyncio.get_running_loop().time() == 2.0, "the next trunk does not wait for it"
        phone.answers()
        await dialling

    run_leg(tmp_path, script)
