"""A leg by itself: what it publishes, what it hears."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.dialling import CODECS, Caller
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg, LegEnded
from engine.calls.legs.event_budget import BURST
from media.errors import BadAddress, WorkerGone
from media.protocol.messages import (
    Connect,
    Dtmf,
    EchoHeard,
    LegFailed,
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
from tests.support.leg_owner import LegWatcher
from tests.support.legs import Published, answered, dialled, kinds, run_leg
from tests.support.scene import Scene


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
        dialling, phone = await dialled(stage, leg)
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


def test_a_leg_ends_whose_party_nothing_can_be_sent_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Scene, leg: Leg, published: Published) -> None:
        def refuse(_peer: Connect) -> None:
            raise BadAddress("port 0 cannot be a peer's")

        monkeypatch.setattr(stage.media, "connect", refuse)
        await answered(stage, leg)
        assert kinds(published)[-1] == "leg.ended"
        assert leg.hangup_cause == HangupCause("incompatible", "port 0 cannot be a peer's")

    run_leg(tmp_path, script)


def test_the_worker_learns_whose_rtp_it_may_accept(tmp_path: Path) -> None:
    """The host that is called for SIP, and at the answer that the phone may be another one."""

    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        dialling, phone = await dialled(stage, leg, ring_s=60.0)
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
        dialling, phone = await dialled(stage, leg)
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
        dialling, phone = await dialled(stage, leg)
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


def test_a_leg_that_the_worker_has_closed_by_a_fault_ends(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        phone = await answered(stage, leg)
        leg.on_media(LegFailed("leg-1"))
        assert leg.hangup_cause == HangupCause(
            "failed", "a fault of the media worker", is_ours=True
        )
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


def test_a_listener_hears_of_a_key_press(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        watcher = LegWatcher()
        await answered(stage, leg)
        leg.listen(watcher)
        leg.on_media(Dtmf("leg-1", "5", 100))
        assert watcher.digits == ["5"]

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
