"""A leg that is listened to in a worker: each codec, with and without a partner."""

from collections.abc import Iterator

import numpy as np
import pytest

from media.protocol import messages as m
from media.sound.g711 import encode
from tests.support.detection_limits import usual_limits
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone
from tests.support.voices import voice
from tests.support.waiting import until


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest) -> Iterator[SwitchBench]:
    made = SwitchBench(implementation=request.param())
    yield made
    made.close()


def say(desk: SwitchBench, phone: FramePhone, leg: str, sound: bytes) -> None:
    for at in range(0, len(sound) - 159, 160):
        phone.send_packet(
            sound[at : at + 160], desk.addresses[leg], payload_type=phone.payload_type
        )
        phone.advance()
        desk.drain()
        desk.tick()


async def test_a_person_who_talks_with_a_partner_is_told(desk: SwitchBench) -> None:
    a, b = desk.phone("a", 0xFF), desk.phone("b", 0xFF)
    desk.switch.execute(m.Bridge("a", "b"))
    quiet = np.zeros(8000, np.int16)
    say(desk, a, "a", encode(quiet[:1600], "PCMU"))
    desk.switch.execute(m.Detect("a", usual_limits()))
    say(desk, a, "a", encode(np.concatenate((voice(0.4), quiet)), "PCMU"))
    await until(lambda: any(isinstance(one, m.Detected) for one in desk.reports))
    (verdict,) = [one for one in desk.reports if isinstance(one, m.Detected)]
    assert (verdict.leg, verdict.label) == ("a", "human")
    heard = [packet.payload for packet in b.listen()]
    assert len(heard) >= 70  # all of it was relayed meanwhile
    desk.switch.execute(m.Detect("nobody", usual_limits()))
    desk.switch.execute(m.Detect("b", usual_limits()))
    desk.switch.execute(m.StopDetecting("b"))
    desk.switch.execute(m.StopDetecting("nobody"))
