"""What legs are to hear while it is loaded: the newest request counts, and each is answered."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from media.protocol import messages as m
from media.sound.clip_library import Library
from media.sound.g711 import SILENCE, decode
from media.sources import Hold, Mix, Peer, Playlist, Prompt, Silence, Stream, Tone
from tests.support.media.codec_phones import CodecPhone
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone
from tests.support.recording import write_tone_wav


def tone(path: Path, name: str) -> Prompt:
    return Prompt(str(write_tone_wav(path / name, 440, 0.1, peak=0.3)))


def played(desk: SwitchBench) -> list[tuple[int, str, bool]]:
    found = desk.events(m.Played)
    return [
        (one.play, one.end, one.error is not None) for one in found if isinstance(one, m.Played)
    ]


async def loaded(desk: SwitchBench) -> None:
    async with asyncio.timeout(60):
        while desk.switch._clips or desk.switch._clips._tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_of_several_requests_of_a_leg_the_newest_is_heard(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        desk.phone("a", 0x11)
        one, two = tone(tmp_path, "one.wav"), tone(tmp_path, "two.wav")
        run = desk.switch.execute
        run(m.Announce("a", 1, one))
        run(m.Announce("a", 2, one))
        run(m.StopAnnouncement("a", 2))
        run(m.Announce("a", 3, two))
        run(m.Hear("a", 4, one))
        run(m.Hear("a", 5, Silence()))
        await loaded(desk)
        desk.tick(10)
        assert played(desk) == [
            (1, "replaced", False),
            (2, "stopped", False),
            (3, "finished", False),
        ]
    finally:
        desk.close()


async def test_one_over_a_talk_ends_though_it_was_loaded_first(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
        desk.switch.execute(m.Bridge("a", "b"))
        desk.switch.execute(m.Announce("b", 1, tone(tmp_path, "one.wav"), mix=True))
        desk.tick(3)
        await loaded(desk)
        for _ in range(8):
            a.talk(desk.addresses["a"])
            desk.drain()
            desk.tick()
        assert played(desk) == [(1, "finished", False)]
        assert {a.frame} < {packet.payload for packet in b.listen()}
    finally:
        desk.close()


async def test_a_signal_is_heard_over_everything_and_ends_nothing(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        phone = desk.phone("a", 0x11)
        run = desk.switch.execute
        for play in (1, 2):  # it is made for the first of them
            run(m.Signal("nobody", Tone("620/60")))
            run(m.Announce("a", play, Tone("0/200"), mix=play == 2))
            run(m.Signal("a", Tone("620/60")))
            await loaded(desk)
            desk.tick(8)
            assert played(desk) == []
            desk.tick(4)
            assert played(desk) == [(play, "finished", False)]
            desk.reports.clear()
            levels = [np.abs(decode(one.payload, "PCMU")).max() for one in phone.listen()]
            assert sum(level > 1000 for level in levels) in (3, 4)
    finally:
        desk.close()


async def test_what_cannot_be_read_has_failed_and_says_why(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        desk.phone("a", 0x11)
        (tmp_path / "noise.wav").write_bytes(b"RIFF but no sound" * 10)
        desk.switch.execute(m.Announce("a", 1, Prompt(str(tmp_path / "gone.wav"))))
        desk.switch.execute(m.Announce("a", 2, Prompt(str(tmp_path / "noise.wav"))))
        desk.switch.execute(m.Hear("a", 3, Prompt(str(tmp_path / "noise.wav"))))
        await loaded(desk)
        assert sorted(played(desk)) == [
            (1, "replaced", False),
            (2, "failed", True),
            (3, "finished", True),
        ]
    finally:
        desk.close()


async def test_a_leg_that_is_closed_meanwhile_hears_nothing(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        desk.phone("a", 0x11)
        desk.switch.execute(m.Announce("a", 1, tone(tmp_path, "one.wav")))
        desk.switch.execute(m.Hear("a", 2, tone(tmp_path, "two.wav")))
        desk.switch.execute(m.Close(1, "a"))
        assert not desk.switch._clips
        assert played(desk) == [(1, "leg_ended", False)]
        desk.switch.execute(m.Announce("a", 3, Prompt("x.wav")))
        assert played(desk)[-1] == (3, "leg_ended", False)
        await asyncio.sleep(0)
    finally:
        desk.close()


@pytest.mark.parametrize("heard", ["peer", "sum", "peer after an announcement"])
async def test_nobody_is_heard_any_more_while_hold_music_is_loaded(
    tmp_path: Path, heard: str
) -> None:
    """Who presses hold may speak to somebody else from that moment on."""
    desk = SwitchBench()
    try:
        listener, other = desk.phone("a", 0x11), desk.phone("b", 0x22)
        run = desk.switch.execute
        run(m.Hear("a", 1, Mix(("b",)) if heard == "sum" else Peer("b")))
        if "announcement" in heard:
            run(m.Announce("a", 2, tone(tmp_path, "announcement.wav")))
            await loaded(desk)
        speak(desk, other)
        run(m.Hear("a", 3, Hold(str(write_tone_wav(tmp_path / "hold.wav", 350, 1.0)))))
        listener.listen()
        speak(desk, other)
        meanwhile = listener.listen()
        assert len(meanwhile) in (9, 10)
        # The first frame may fall from what was heard; the announcement is heard to its end.
        assert not [packet for packet in meanwhile[1:] if other.frame[:1] in packet.payload[-1:]]
        await loaded(desk)
        speak(desk, other)
        music = listener.listen()
        assert len(music) == 10 and music[-1].payload not in (other.frame, meanwhile[-1].payload)
    finally:
        desk.close()


async def test_a_clip_goes_on_while_the_next_one_is_loaded(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        listener = desk.phone("a", 0x11)
        desk.switch.execute(m.Hear("a", 1, Hold(str(write_tone_wav(tmp_path / "1.wav", 350, 1.0)))))
        await loaded(desk)
        desk.tick(5)
        listener.listen()
        desk.switch.execute(m.Hear("a", 2, tone(tmp_path, "two.wav")))
        desk.tick(5)
        assert all(set(packet.payload) != {0xFF} for packet in listener.listen())
    finally:
        desk.close()


@pytest.mark.parametrize("others", [Peer("b"), Mix(("b",))])
async def test_after_an_announcement_nobody_is_heard_whose_place_a_clip_is_to_take(
    tmp_path: Path, others: Peer | Mix
) -> None:
    desk = SwitchBench()
    try:
        hearer, speaker = desk.phone("a", 0x11), desk.phone("b", 0x22)
        run = desk.switch.execute
        run(m.Announce("a", 1, tone(tmp_path, "one.wav")))
        await loaded(desk)
        run(m.Hear("a", 2, others))
        run(m.Hear("a", 3, tone(tmp_path, "two.wav")))
        run(m.StopAnnouncement("a", 1))
        speak(desk, speaker)
        assert {packet.payload for packet in hearer.listen()[-5:]} == {SILENCE["PCMU"]}
        await loaded(desk)
    finally:
        desk.close()


async def ready(desk: SwitchBench) -> None:
    """Wait until what is to be kept ready is loaded, or cannot be."""
    readying = desk.switch._clips._readying
    assert readying is not None
    async with asyncio.timeout(60):
        await readying


async def test_music_that_is_kept_ready_is_heard_at_once(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        path = write_tone_wav(tmp_path / "hold.wav", 350, 1.0)
        desk.switch.execute(m.KeepReady((Hold("gone.wav"), Hold(str(path)), Peer("a"))))
        await ready(desk)
        assert played(desk) == []  # the one that is not there is missed by whoever is to hear it
        desk.phone("a", 0x11)
        desk.switch.execute(m.Hear("a", 1, Hold(str(path))))
        assert not desk.switch._clips
        # A file that has changed is read when the configuration is.
        write_tone_wav(path, 350, 2.0)
        desk.switch.execute(m.KeepReady((Hold(str(path)),)))
        await ready(desk)
        desk.switch.execute(m.Hear("a", 2, Hold(str(path))))
        assert not desk.switch._clips
    finally:
        desk.close()


async def test_with_the_first_leg_of_16_khz_music_is_kept_ready_at_that_rate(
    tmp_path: Path,
) -> None:
    desk = SwitchBench()
    try:
        hold = Hold(str(write_tone_wav(tmp_path / "hold.wav", 350, 1.0)))
        desk.switch.execute(m.KeepReady((hold,)))
        await ready(desk)
        CodecPhone(desk, "a", "G722", np.zeros(320, np.int16))
        await ready(desk)
        CodecPhone(desk, "b", "G722", np.zeros(320, np.int16))
        desk.switch.execute(m.Hear("a", 1, hold))
        assert not desk.switch._clips
    finally:
        desk.close()


def speak(desk: SwitchBench, phone: FramePhone) -> None:
    """The phone of b speaks for ten frames."""
    for _ in range(10):
        phone.talk(desk.addresses["b"])
        desk.drain()
        desk.tick()


async def test_all_who_hear_a_stream_hear_the_same_place_of_it(tmp_path: Path) -> None:
    desk = SwitchBench()
    try:
        one, two = desk.phone("a", 0x11), desk.phone("b", 0x22)
        files = tuple(
            str(write_tone_wav(tmp_path / f"{hz}.wav", hz, 0.5, peak=0.3)) for hz in (400, 777)
        )
        run = desk.switch.execute
        run(m.Hear("a", 1, Stream(files)))
        await loaded(desk)
        desk.tick(33)
        run(m.Announce("b", 2, Stream(files)))
        desk.tick(20)
        # The first frames rise out of what was heard before.
        heard = [packet.payload for packet in one.listen()[-17:]]
        assert heard == [packet.payload for packet in two.listen()[-17:]]
        assert len(set(heard)) > 5
        # It goes on meanwhile for who hears an announcement.
        run(m.Announce("a", 3, Playlist(files)))
        await loaded(desk)
        desk.tick(200)
        assert [packet.payload for packet in one.listen()[-10:]] == [
            packet.payload for packet in two.listen()[-10:]
        ]
        assert played(desk) == [(3, "finished", False)]
        (tmp_path / "777.wav").unlink()
        run(m.Announce("b", 4, Stream(files)))
        await loaded(desk)
        assert played(desk)[-1][1:] == ("failed", True)
    finally:
        desk.close()


async def test_a_fault_in_the_reading_of_a_source_is_said_as_any_other_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = SwitchBench()

    async def fail(*_args: object, **_options: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(Library, "load", fail)
    try:
        desk.phone("a", 0x11)
        desk.switch.execute(m.Announce("a", 1, tone(tmp_path, "one.wav")))
        await loaded(desk)
        assert played(desk) == [(1, "failed", True)]
        desk.switch.execute(m.KeepReady((tone(tmp_path, "two.wav"),)))
        readying = desk.switch._clips._readying
        assert readying is not None
        await readying
    finally:
        desk.close()
