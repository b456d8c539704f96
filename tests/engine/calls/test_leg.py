"""A leg by itself: what it publishes, what it hears."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from engine.calls.dialling import CODECS, Caller
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg, LegEnded
from engine.calls.legs.event_budget import BURST
from engine.routing.targets.destination import Destination, DialTarget
from media.errors import WorkerGone
from media.messages import (
    Dtmf,
    EchoHeard,
    MediaTimeout,
    OneWayAudio,
    PeerMoved,
    Played,
    QualityChanged,
    SilenceStarted,
    SoundClipped,
    VoiceChanged,
)
from media.sources import Prompt
from sip import events
from sip.dialog.uas import UasSession
from sip.events import Progress
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed
from tests.support.leg_owner import LegOwner, LegWatcher
from tests.support.legs import dial, leg_to
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone, incoming
from tests.support.scene import Scene, run_scene

Published = list[tuple[str, dict[str, Any]]]
Script = Callable[[Scene, Leg, Published], Awaitable[None]]


def run_leg(tmp_path: Path, script: Script) -> None:
    """Run a script with one leg to bob; it must give everything back."""

    async def with_leg(stage: Scene) -> None:
        owner = LegOwner()
        leg = leg_to(stage, owner=owner)
        await script(stage, leg, owner.published)
        await leg.release()
        stage.services.registry.legs.clear()
        assert leg.record.state == "ended"

    run_scene(tmp_path, with_leg)


async def answered(stage: Scene, leg: Leg) -> ScriptedPhone:
    return await dial(stage, leg, rings=True)


def kinds(published: Published) -> list[str]:
    return [kind for kind, _fields in published]


def test_dialling_offers_both_codecs_at_the_opened_port(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        phone = await answered(stage, leg)
        assert phone.invitation.audio.port == 10000
        assert phone.invitation.audio.codecs == CODECS
        assert phone.invitation.from_uri == "sip:ringback@127.0.0.1"
        assert phone.invitation.ring_s == 30.0, "SIP gives up no sooner than the leg"
        assert stage.media.connected == [("leg-1", "sendrecv")]
        assert (leg.record.state, leg.record.sip_status) == ("answered", 200)

    run_leg(tmp_path, script)


def test_each_event_is_published_once_and_in_order(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        phone.rings()
        phone.rings()
        phone.plays_early_media()
        phone.plays_early_media()
        phone.answers()
        await dialling
        phone.hangs_up("Q.850;cause=16")
        assert kinds(published) == [
            "leg.dialing", "leg.ringing", "leg.early_media", "leg.answered", "leg.ended",
        ]  # fmt: skip
        assert published[-1][1] == {"result": "hung_up", "reason_header": "Q.850;cause=16"}

    run_leg(tmp_path, script)


def test_early_media_of_another_branch_replaces_the_first(tmp_path: Path) -> None:
    """The call is forwarded: the branch that spoke first is silent from then on."""

    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        for port in (40000, 40000, 40002, 40002):
            phone.plays_early_media(port)
        assert stage.media.ports == [40000, 40002]
        phone.answers()
        await dialling
        assert stage.media.ports == [40000, 40002, 40000]
        assert kinds(published).count("leg.early_media") == 1

    run_leg(tmp_path, script)


def test_a_branch_that_is_over_plays_no_more(tmp_path: Path) -> None:
    """199 of the branch that played: others may still ring (RFC 6228)."""

    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()

        def branch_is_over() -> None:
            phone.sends(Progress(phone.session, 199, "Early Dialog Terminated", None))

        branch_is_over()
        states = []
        for act in (phone.plays_early_media, branch_is_over):
            act()
            states.append(leg.record.state)
        assert states == ["early_media", "ringing"]
        phone.answers()
        await dialling

    run_leg(tmp_path, script)


def test_a_phone_silent_since_its_early_media_is_waited_for_from_its_answer(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=60.0))
        phone = await stage.phone()
        phone.plays_early_media()
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert "leg.media_timeout" not in kinds(published)
        phone.answers()
        await dialling
        assert len(stage.media.connected) == 2, "described to the worker again"
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert ("leg.media_timeout", {"silent_s": 30.0}) in published
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "no_media"

    run_leg(tmp_path, script)


def test_the_wait_for_rtp_begins_again_at_the_answer(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=60.0))
        phone = await stage.phone()
        phone.plays_early_media()
        phone.answers()
        await dialling
        assert len(stage.media.connected) == 2, "the worker waits again"
        leg.on_media(MediaTimeout("leg-1", 30.0, number=1))  # on its way when the answer came
        assert leg.hangup_cause is None
        leg.on_media(MediaTimeout("leg-1", 30.0, number=2))
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "no_media"

    run_leg(tmp_path, script)


def test_the_worker_learns_whose_rtp_it_may_accept(tmp_path: Path) -> None:
    """The host that is called for SIP, and at the answer that the phone may be another one."""

    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=60.0))
        phone = await stage.phone()
        phone.plays_early_media()
        phone.answers()
        await dialling
        phone.holds()
        assert stage.media.sources == [
            ("127.0.0.1", "symmetric", False),
            ("127.0.0.1", "symmetric", True),
            ("127.0.0.1", "symmetric", False),
        ]

    run_leg(tmp_path, script)


def test_an_answer_on_hold_is_a_hold(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        phone.answers(host="0.0.0.0")
        await dialling
        assert leg.is_held
        assert leg.record.answered is not None
        phone.resumes()
        assert kinds(published)[-3:] == ["leg.answered", "leg.held", "leg.resumed"]

    run_leg(tmp_path, script)


def test_digits_by_info_are_published_as_others_are(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        watcher = LegWatcher()
        leg.listen(watcher)
        phone = await answered(stage, leg)
        phone.presses("5")
        assert watcher.digits == ["5"]
        assert published[-1] == ("leg.dtmf", {"digit": "5", "duration_ms": 160})

    run_leg(tmp_path, script)


def test_a_flood_of_digits_and_holds_is_bounded_and_counted(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        watcher = LegWatcher()
        leg.listen(watcher)
        phone = await answered(stage, leg)
        for _ in range(1000):
            phone.presses("5")
        assert kinds(published).count("leg.dtmf") == len(watcher.digits) == BURST
        phone.holds()
        assert leg.is_held
        assert "leg.held" not in kinds(published)
        assert leg.record.events_dropped == 1000 - BURST + 1
        await asyncio.sleep(1)
        phone.resumes()
        assert kinds(published)[-1] == "leg.resumed"
        phone.hangs_up()
        assert published[-1][1]["events_dropped"] == leg.record.events_dropped

    run_leg(tmp_path, script)


def test_hold_and_resume(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        watcher = LegWatcher()
        leg.listen(watcher)
        phone = await answered(stage, leg)
        phone.holds()
        phone.holds()
        assert leg.is_held
        phone.resumes()
        assert not leg.is_held
        assert watcher.holds == [True, False]
        assert kinds(published)[-2:] == ["leg.held", "leg.resumed"]

    run_leg(tmp_path, script)


def test_a_leg_that_is_held_from_the_start_is_connected_when_it_resumes(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        phone.answers(host="0.0.0.0")
        await dialling
        assert stage.media.connected == []
        phone.resumes()
        assert stage.media.connected == [("leg-1", "sendrecv")]

    run_leg(tmp_path, script)


def test_media_events_are_published(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await answered(stage, leg)
        leg.on_media(Dtmf("leg-1", "5", 120))
        leg.on_media(SilenceStarted("leg-1", 10_000))
        leg.on_media(Played("leg-1", 7, "a.wav: cannot be opened"))
        leg.on_media(PeerMoved("leg-1", "127.0.0.1", 41000))
        leg.on_media(QualityChanged("leg-1", "sent", "poor", 2.9, 0.2, 3.5))
        assert published[-5:] == [
            ("leg.dtmf", {"digit": "5", "duration_ms": 120}),
            ("leg.silence", {"silent_ms": 10_000}),
            ("leg.not_played", {"error": "a.wav: cannot be opened"}),
            ("leg.peer_moved", {"host": "127.0.0.1", "port": 41000}),
            (
                "leg.quality",
                {
                    "direction": "sent",
                    "level": "poor",
                    "mos": 2.9,
                    "loss": 0.2,
                    "jitter_ms": 3.5,
                    "round_trip_ms": None,
                },
            ),
        ]

    run_leg(tmp_path, script)


def test_what_is_found_in_the_sound_of_a_talk_is_published(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await answered(stage, leg)
        leg.on_media(OneWayAudio("leg-1", "no_packets", 15.2))
        leg.on_media(SoundClipped("leg-1", 0.02))
        leg.on_media(EchoHeard("leg-1", 180, -14.5))
        for _ in range(60):
            leg.on_media(VoiceChanged("leg-1", True))
        leg.on_media(Dtmf("leg-1", "5", 120))
        found = [one for one in published if one[0] in ("leg.one_way", "leg.clipping", "leg.echo")]
        assert found == [
            ("leg.one_way", {"cause": "no_packets", "for_s": 15.2}),
            ("leg.clipping", {"share": 0.02}),
            ("leg.echo", {"delay_ms": 180, "level_db": -14.5}),
        ]
        assert published.count(("leg.voice", {"speaking": True})) == BURST
        assert published[-1] == ("leg.dtmf", {"digit": "5", "duration_ms": 120}), "has its own"

    run_leg(tmp_path, script)


def test_no_rtp_ends_the_leg_unless_it_is_held(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        phone = await answered(stage, leg)
        phone.holds()
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert leg.hangup_cause is None
        phone.resumes()
        leg.on_media(MediaTimeout("leg-1", 30.0))
        assert leg.hangup_cause is not None
        assert leg.hangup_cause.result == "no_media"
        assert phone.is_hung_up

    run_leg(tmp_path, script)


def test_playing_to_its_end_and_to_its_limit(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await answered(stage, leg)
        loop = asyncio.get_running_loop()
        started = loop.time()
        await leg.play(Prompt("a.wav"), limit_s=10.0)
        assert loop.time() - started == pytest.approx(2.0)
        stage.media.ends_plays = False
        started = loop.time()
        await leg.play(Prompt("a.wav"), limit_s=10.0)
        assert loop.time() - started == pytest.approx(10.0)

    run_leg(tmp_path, script)


def test_hanging_up_twice_publishes_once(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        phone = await answered(stage, leg)
        leg.hang_up(HangupCause("completed", "first"))
        leg.hang_up(HangupCause("completed", "second"))
        phone.hangs_up()
        assert kinds(published).count("leg.ended") == 1
        assert leg.record.reason == "first"
        assert phone.hang_up_reason is not None

    run_leg(tmp_path, script)


def test_release_keeps_the_last_report(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await answered(stage, leg)
        await leg.refresh_stats()
        assert leg.record.media is not None
        assert leg.record.media["packets_received"] == 1
        await leg.release()
        assert leg.record.media["packets_received"] == 2

    run_leg(tmp_path, script)


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


def test_a_listener_hears_of_a_key_press(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        watcher = LegWatcher()
        await answered(stage, leg)
        leg.listen(watcher)
        leg.on_media(Dtmf("leg-1", "5", 100))
        assert watcher.digits == ["5"]

    run_leg(tmp_path, script)


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


A, B = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.2", 5060)


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


@pytest.mark.parametrize("status", [420, 421])
def test_an_extension_that_the_party_asks_for_is_told(tmp_path: Path, status: int) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        (await stage.phone()).refuses(status, extensions=("100rel", "timer"))
        with pytest.raises(LegEnded):
            await dialling
        assert dict(published)["leg.extension_required"] == {"extensions": ["100rel", "timer"]}

    run_leg(tmp_path, script)


def test_the_name_of_the_caller_is_shown(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await leg.open()
        dialling = asyncio.create_task(
            leg.dial(caller=Caller("+442079460999", "x", "Jo Bloggs"), ring_s=30.0)
        )
        phone = await stage.phone()
        assert phone.invitation.from_display == "Jo Bloggs"
        phone.answers()
        await dialling

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
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=Caller(None, "x"), ring_s=30.0))
        phone = await stage.phone()
        assert asyncio.get_running_loop().time() == 2.0, "the next trunk does not wait for it"
        phone.answers()
        await dialling

    run_leg(tmp_path, script)


def test_a_worker_that_is_gone_at_the_end_costs_the_report_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_leg: str) -> None:
        raise WorkerGone("the media worker died")

    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await answered(stage, leg)
        with monkeypatch.context() as patched:
            patched.setattr(stage.media, "close", gone)
            await leg.release()
        assert (leg.record.state, leg.record.media) == ("ended", None)
        stage.media.open_legs.clear()  # as the worker is gone

    run_leg(tmp_path, script)
