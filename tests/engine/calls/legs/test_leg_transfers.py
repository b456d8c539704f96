"""REFER and Replaces as one leg has them: who is its party, and what has become of a REFER."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from engine.calls.hangup_cause import CLEARING, ELSEWHERE, HangupCause
from engine.calls.leg import Leg
from engine.calls.legs.leg_transfers import MOST_SUCCESSORS, REFER_MARGIN_S
from sip import events
from sip.dialog.uas import UasSession
from sip.errors import SipError
from tests.support.leg_owner import LegOwner
from tests.support.legs import CALLER, dial, leg_to
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone, audio, incoming
from tests.support.scene import Scene, run_scene

CAROL = "sip:carol@192.0.2.3"


class Stage:
    """One leg whose phone has answered."""

    def __init__(self, scene: Scene, leg: Leg, owner: LegOwner, phone: ScriptedPhone) -> None:
        self.scene = scene
        self.leg = leg
        self.owner = owner
        self.phone = phone

    def replaced(self, **caller: Any) -> ScriptedCaller:
        """Carol calls to take the place of the phone."""
        carol = incoming(caller="carol", host="192.0.2.3", **caller)
        self.leg.replace(cast(UasSession, carol))
        return carol


def run_leg(tmp_path: Path, script: Callable[[Stage], Awaitable[None]]) -> None:
    async def with_leg(scene: Scene) -> None:
        owner = LegOwner()
        leg = leg_to(scene, owner=owner)
        await script(Stage(scene, leg, owner, await dial(scene, leg)))
        await leg.release()
        scene.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)


def test_another_party_takes_the_place_once_it_has_acknowledged(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        carol = stage.replaced()
        assert carol.statuses == [200]
        assert not stage.phone.is_hung_up
        carol.acknowledges()
        assert stage.phone.is_hung_up and stage.phone.hang_up_reason == CLEARING
        assert stage.leg.session is carol.session
        record = stage.leg.record
        assert (record.uri, record.call_id, record.hop) == (
            "sip:carol@192.0.2.3",
            carol.call_id,
            "udp:192.0.2.3:5071",
        )
        assert stage.owner.published[-1] == ("leg.replaced", {"from_uri": "sip:bob@127.0.0.1"})
        assert stage.scene.media.sources[-1] == ("192.0.2.3", "symmetric", True)
        # What the old phone does now is nobody's business.
        stage.phone.hangs_up()
        assert stage.leg.hangup_cause is None
        carol.holds()
        assert stage.leg.is_held
        carol.hangs_up()
        assert stage.leg.hangup_cause is not None

    run_leg(tmp_path, script)


def test_a_phone_that_holds_is_replaced_by_one_that_talks(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.phone.holds()
        assert stage.leg.is_held
        stage.replaced().acknowledges()
        assert not stage.leg.is_held
        assert stage.owner.kinds[-2:] == ["leg.replaced", "leg.resumed"]

    run_leg(tmp_path, script)


def test_a_ringing_phone_is_replaced_by_one_that_has_called(tmp_path: Path) -> None:
    async def with_leg(scene: Scene) -> None:
        owner = LegOwner()
        leg = leg_to(scene, owner=owner)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
        phone = await scene.phone()
        phone.rings()
        carol = incoming(caller="carol", host="192.0.2.3")
        leg.replace(cast(UasSession, carol))
        carol.acknowledges()
        await dialling
        assert phone.is_hung_up and phone.hang_up_reason == ELSEWHERE
        assert owner.kinds == ["leg.dialing", "leg.ringing", "leg.answered", "leg.replaced"]
        assert leg.record.state == "answered"
        await leg.release()
        assert carol.is_hung_up
        scene.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)


def test_one_that_does_not_come_changes_nothing(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        carol = stage.replaced()
        with pytest.raises(SipError):
            stage.replaced(dialled="+442079460001")
        carol.sends(events.Progress(carol.session, 180, "Ringing", None))  # means nothing
        carol.cancels()
        assert stage.leg.session is stage.phone.session
        assert not stage.phone.is_hung_up
        # The next one may try.
        other = stage.replaced()
        other.sends(events.Answered(other.session, audio(codec="PCMA")))
        assert stage.leg.session is other.session

    run_leg(tmp_path, script)


def test_there_is_an_end_of_replacements(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for nth in range(MOST_SUCCESSORS):
            stage.replaced(dialled=str(nth)).acknowledges()
        with pytest.raises(SipError):
            stage.replaced(dialled="more")

    run_leg(tmp_path, script)


def test_one_that_is_over_already_is_not_waited_for(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        carol = incoming(caller="carol")
        carol.state = "terminated"
        with pytest.raises(SipError):
            stage.leg.replace(cast(UasSession, carol))
        stage.replaced().acknowledges()
        assert stage.phone.is_hung_up

    run_leg(tmp_path, script)


def test_where_the_leg_ends_nobody_takes_its_place(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        carol = stage.replaced()
        stage.leg.hang_up(HangupCause("completed", "over"))
        assert carol.is_hung_up and stage.phone.is_hung_up
        carol.acknowledges()
        assert stage.leg.session is None

    run_leg(tmp_path, script)


def test_what_becomes_of_a_refer(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        asked = asyncio.create_task(stage.leg.transfers.refer(CAROL, 20.0))
        await asyncio.sleep(0)
        assert stage.phone.referred_to == [(CAROL, 20.0 + REFER_MARGIN_S)]
        stage.phone.tells(486, "Busy Here")
        ended = await asked
        assert (ended.status, ended.phrase) == (486, "Busy Here")
        stage.phone.tells(200)  # nobody waits for that
        stage.phone.refuses_refer = True
        with pytest.raises(SipError):
            await stage.leg.transfers.refer(CAROL, 20.0)

    run_leg(tmp_path, script)


def test_a_leg_that_is_not_up_sends_no_refer(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.phone.hangs_up()
        with pytest.raises(SipError):
            await stage.leg.transfers.refer(CAROL, 20.0)

    run_leg(tmp_path, script)


def test_who_does_not_talk_cannot_be_transferred(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.phone.refers(CAROL)
        assert referral.said == ["603 this party has no partner who could be transferred"]

    run_leg(tmp_path, script)
