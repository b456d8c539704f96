"""Keys as sound at a leg: heard of its peer, sent to it, and kept from the partner."""

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec import structs

from media.protocol import messages as m
from media.sound.dtmf.detector import DtmfDetector
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import SILENCE, decode, encode
from media.worker.peer_stream import PeerStream
from scripts.bench.q24 import cases, presses_in
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken
from tests.support.voices import voice


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest) -> Iterator[SwitchBench]:
    made = SwitchBench(implementation=request.param())
    yield made
    made.close()


@pytest.fixture
def talk(desk: SwitchBench) -> tuple[FramePhone, FramePhone]:
    """Two who talk; `a` sends and takes keys as sound."""
    a, b = desk.phone("a", 0xFF), desk.phone("b", 0xFF)
    desk.switch.execute(structs.replace(a.describe("a", events=None), keys_as_sound=True))
    desk.switch.execute(m.Bridge("a", "b"))
    return a, b


def say(desk: SwitchBench, phone: FramePhone, leg: str, sound: bytes) -> None:
    """The phone of a leg sends this sound, packet by packet."""
    for at in range(0, len(sound) - 159, 160):
        payload = sound[at : at + 160]
        phone.send_packet(payload, desk.addresses[leg], payload_type=phone.payload_type)
        phone.advance()
        desk.drain()
        desk.tick()


def pressed(desk: SwitchBench) -> list[str]:
    return [one.digit for one in desk.reports if isinstance(one, m.Dtmf)]


def keys_in(phone: FramePhone) -> str:
    """The keys in what the phone has heard since the last time."""
    sound = b"".join(packet.payload for packet in phone.listen())
    return "".join(key for key, _ms in DtmfDetector().feed(decode(sound, "PCMU")))


def test_each_key_of_the_peer_is_reported_once_and_the_partner_hears_its_sound(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    say(desk, a, "a", dtmf_clip("159", 100, 100).pcmu)
    assert pressed(desk) == ["1", "5", "9"]
    assert keys_in(b) == "159"
    # Of one that has telephone-events, sound is no key.
    say(desk, b, "b", dtmf_clip("7", 100, 100).pcmu)
    assert pressed(desk) == ["1", "5", "9"]


def test_keys_that_are_kept_are_not_heard_by_the_partner(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    desk.switch.execute(m.BlockKeys("a", True))
    say(desk, a, "a", dtmf_clip("47", 100, 100).pcmu)
    desk.switch.execute(m.BlockKeys("a", False))
    assert pressed(desk) == ["4", "7"]
    heard = b.listen()
    assert all(packet.payload == SILENCE["PCMU"] for packet in heard)
    say(desk, a, "a", dtmf_clip("8", 100, 100).pcmu)
    assert keys_in(b) == "8"


def test_keys_are_sent_as_tones_in_place_of_what_is_heard(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    voice = np.full(160 * 40, 0x11, np.uint8).tobytes()
    desk.switch.execute(m.SendDigits("a", "2#", 100, 80))
    say(desk, b, "b", voice)
    assert keys_in(a) == "2#"
    desk.switch.execute(m.SendDigits("b", "3", 100, 80))
    desk.tick(12)
    assert {packet.payload_type for packet in b.listen()} >= {101}


def test_a_peer_that_takes_telephone_events_again_is_not_listened_to(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, _b = talk
    desk.switch.execute(a.describe("a"))
    say(desk, a, "a", dtmf_clip("1", 100, 100).pcmu)
    assert pressed(desk) == []


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_leg_that_is_relayed_has_its_keys_heard_as_if_each_packet_was_looked_at(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone], codec: str
) -> None:
    a, b = talk
    wanted: list[tuple[str, int]] = []
    detector, sent = DtmfDetector(), 0
    for name, sound, _keys in cases():
        if name[0] not in "5D":
            continue
        samples = np.concatenate((sound, np.zeros(1600 - len(sound) % 160, np.int16)))
        wanted += presses_in(samples, codec, detector)
        for at in range(0, len(samples), 160):
            payload = encode(samples[at : at + 160], codec)
            a.send_packet(payload, desk.addresses["a"], payload_type={"PCMU": 0, "PCMA": 8}[codec])
            a.advance()
            desk.drain()
            sent += 1
        b.listen()
    found = [(one.digit, one.duration_ms) for one in desk.reports if isinstance(one, m.Dtmf)]
    assert len(wanted) > 30 and found == wanted
    assert len(b.heard) == sent
    assert_unbroken(b.heard)


def _looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by each packet that is not left to the relay."""
    seen: list[int] = []
    receive = PeerStream.receive_rtp

    def note(stream: PeerStream, packet: bytearray, size: int, now: float) -> None:
        seen.append(size)
        receive(stream, packet, size, now)

    monkeypatch.setattr(PeerStream, "receive_rtp", note)
    return seen


def speech(seconds: float) -> bytes:
    said = np.concatenate([voice(0.5), np.zeros(800, np.int16)] * round(seconds / 0.6))
    return encode(said, "PCMU")


def test_speech_of_such_a_leg_is_left_to_the_relay(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, said = _looked_at(monkeypatch), speech(4.2)
    say(desk, talk[0], "a", said)
    packets = len(said) // 160
    if desk.switch.relay.implementation.hears_tones:
        assert len(seen) < packets / 20
    else:
        assert len(seen) == packets
    assert pressed(desk) == []
    assert len(talk[1].listen()) == packets


def test_a_secret_that_begins_while_the_relay_has_the_stream_is_kept_from_its_first_packet(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, b = talk
    said = speech(1.2)
    say(desk, a, "a", said)
    b.listen()
    desk.switch.execute(m.BlockKeys("a", True))
    say(desk, a, "a", said + dtmf_clip("4", 100, 100).pcmu + said)
    assert {packet.payload for packet in b.listen()} <= {SILENCE["PCMU"]}
    assert pressed(desk) == ["4"]
    desk.switch.execute(m.BlockKeys("a", False))
    say(desk, a, "a", dtmf_clip("8", 100, 100).pcmu)
    assert keys_in(b) == "8"


def test_keys_are_heard_though_packets_are_lost_or_late(
    desk: SwitchBench, talk: tuple[FramePhone, FramePhone]
) -> None:
    a, _b = talk
    one, two = (dtmf_clip(digit, 100, 200).pcmu for digit in "12")
    sound = speech(0.6) + one + speech(0.6) + two
    frames = [sound[at : at + 160] for at in range(0, len(sound) - 159, 160)]
    order = list(range(len(frames)))
    order[10], order[11] = order[11], order[10]
    del order[20]
    first, begun = a.sequence, a.timestamp
    for number in order:
        a.sequence, a.timestamp = first + number, begun + 160 * number
        a.send_packet(frames[number], desk.addresses["a"], payload_type=0)
        desk.drain()
        desk.tick()
    desk.drain()
    assert pressed(desk) == ["1", "2"]
