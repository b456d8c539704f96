"""A leg to a party that has called us."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from engine.calls.leg import Leg, LegEnded
from engine.routing.targets.destination import Destination, DialTarget
from sip import events
from sip.dialog.uas import UasSession
from tests.support.leg_owner import LegOwner
from tests.support.legs import Published, kinds
from tests.support.phones.scripted import ScriptedCaller, incoming
from tests.support.scene import Scene, run_scene


def calling_leg(stage: Scene, owner: LegOwner, caller: ScriptedCaller) -> Leg:
    leg = Leg(
        leg_id="leg-in",
        role="customer",
        destination=Destination("+442079461111", (DialTarget("sip:+442079461111@127.0.0.1", ""),)),
        sip=stage.services.sip,
        media=stage.services.media,
        owner=owner,
    )
    leg.ring(cast(UasSession, caller.session))
    return leg


def run_called(
    tmp_path: Path,
    script: Callable[[Scene, Leg, ScriptedCaller], Any],
    call_id: str = "",
) -> Published:
    """Run a script with one leg that has called us; it must give everything back."""
    owner = LegOwner()

    async def with_caller(stage: Scene) -> None:
        caller = incoming(call_id=call_id)
        leg = calling_leg(stage, owner, caller)
        await script(stage, leg, caller)
        await leg.release()
        assert leg.record.state == "ended"
        assert caller.is_hung_up or caller.state == "terminated"

    run_scene(tmp_path, with_caller)
    return owner.published


def test_a_call_id_that_is_no_text_is_readable_in_the_record(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        call_id = leg.record.call_id
        assert call_id is not None and call_id == "x\ufffd"
        msgspec.json.encode(leg.record)

    run_called(tmp_path, script, call_id="x\udcff")


def test_a_party_that_calls_is_rung_accepted_and_heard(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        await leg.open()
        assert caller.statuses == [180]
        accepting = asyncio.create_task(leg.accept())
        await caller.accepted.wait()
        assert leg.record.answered is None
        caller.acknowledges("PCMA")
        await accepting
        assert caller.statuses == [180, 200]
        assert leg.record.state == "answered" and leg.audio is not None
        assert not leg.is_taken_over  # it is of no browser
        assert stage.media.connected == [("leg-in", "sendrecv")]
        assert stage.media.sources == [(caller.source.host, "symmetric", True)]

    published = run_called(tmp_path, script)
    assert kinds(published) == ["leg.ringing", "leg.answered", "leg.ended"]


def test_a_party_that_calls_may_hang_up_before_the_answer(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        await leg.open()
        caller.cancels()
        with pytest.raises(LegEnded, match="before the answer"):
            await leg.accept()
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "hung_up"

    assert kinds(run_called(tmp_path, script)) == ["leg.ringing", "leg.ended"]


def test_a_cancel_that_crosses_with_the_answer_ends_the_leg(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        await leg.open()
        caller.state = "terminated"  # cancelled; the event is still to come
        with pytest.raises(LegEnded):
            await leg.accept()

    run_called(tmp_path, script)


def test_a_party_without_an_ack_is_not_answered(tmp_path: Path) -> None:
    async def script(_stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        await leg.open()
        accepting = asyncio.create_task(leg.accept())
        await caller.accepted.wait()
        caller.sends(events.Failed(caller.session, events.Cause(408, "no ACK", "timeout")))
        with pytest.raises(LegEnded, match="no ACK"):
            await accepting
        caller.state = "terminated"

    run_called(tmp_path, script)


def test_without_a_port_a_party_that_calls_is_not_answered(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, caller: ScriptedCaller) -> None:
        stage.media.port_left = False
        with pytest.raises(LegEnded, match="no RTP port"):
            await leg.open()
        assert caller.is_hung_up

    assert kinds(run_called(tmp_path, script)) == ["leg.ringing", "leg.ended"]
