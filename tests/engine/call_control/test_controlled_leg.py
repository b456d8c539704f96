"""A party that a command puts on hold, or sends keys and INFOs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from engine.call_control.controlled_calls import ControlledCalls
from engine.errors import EngineError
from media.sources import Hold, Peer, Silence
from sip import events
from sip.errors import SipError
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.phones.scripted import audio
from tests.support.scene import Scene


def test_hold_and_resume(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        a, b = leg_of(first), leg_of(second)
        calls.hold(None, a)
        assert (one.offered, stage.media.heard[a][-1]) == (["sendonly"], Hold())
        calls.bridge(a, b, end_together=True)
        assert (stage.media.heard[a][-1], stage.media.heard[b][-1]) == (Hold(), Silence())
        with pytest.raises(EngineError, match="on hold already"):
            calls.hold(first.id, None)
        calls.resume(None, a)
        assert one.offered == ["sendonly", "sendrecv"]
        assert (stage.media.heard[a][-1], stage.media.heard[b][-1]) == (Peer(b), Peer(a))
        with pytest.raises(EngineError, match="not on hold"):
            calls.resume(None, b)
        assert stage.last("call.held")["leg"] == stage.last("call.resumed")["leg"] == a
        two.hangs_up()

    run_calls(tmp_path, script)


def test_keys_and_infos_are_sent(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        calls.send_dtmf(call.id, None, "12#", 100, 60)
        assert stage.media.digits == [(leg_of(call), "12#", 100)]
        calls.send_info(call.id, None, "text/plain", b"hello")
        assert phone.infos == [("text/plain", b"hello")]
        phone.hangs_up()
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError, match="there is no call"):
            calls.send_dtmf(call.id, None, "1", 100, 60)

    run_calls(tmp_path, script)


def test_keys_go_as_sound_where_the_phone_takes_no_telephone_events(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        leg = call.legs[0]
        agreed = structs.replace(audio(), telephone_event_payload_type=None)
        phone.sends(events.MediaChanged(phone.session, agreed))
        calls.send_dtmf(None, leg.id, "1", 100, 60)
        assert stage.media.digits == [(leg.id, "1", 100)]
        assert stage.media.peers[-1].keys_as_sound
        phone.hangs_up()

    run_calls(tmp_path, script)


def test_what_sip_cannot_send_now_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: Any) -> None:
        raise SipError("another re-INVITE is under way")

    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        monkeypatch.setattr(stage.sip, "reinvite", refuse)
        monkeypatch.setattr(stage.sip, "send_info", refuse)
        with pytest.raises(EngineError, match="re-INVITE is under way") as refused:
            calls.hold(call.id, None)
        assert refused.value.kind == "state"
        with pytest.raises(EngineError, match="re-INVITE is under way"):
            calls.send_info(call.id, None, "text/plain", b"hello")
        assert stage.seen("call.held") == []
        phone.hangs_up()

    run_calls(tmp_path, script)
