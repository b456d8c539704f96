"""Keys as sound at a leg: heard of its peer, sent to it, and kept from the partner."""

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec import structs

from media.protocol import messages as m
from media.sound.dtmf.detector import DtmfDetector
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import SILENCE, decode
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone


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
