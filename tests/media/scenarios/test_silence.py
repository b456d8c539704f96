"""When a peer is called silent, and what does not end its silence."""

from collections.abc import Iterator

import pytest

from media.protocol import messages as m
from media.worker.leg import MediaLeg
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone

SILENT = 0xFF  # u-law zero
LOUD = 0x10


@pytest.fixture
def desk() -> Iterator[SwitchBench]:
    made = SwitchBench()
    yield made
    made.close()


def look(desk: SwitchBench, leg: MediaLeg, phone: FramePhone) -> None:
    """One visit to the leg after a second without a loud sample, and the packet it asks for."""
    leg.incoming.loud_at = desk.now - 1.1
    phone.talk(desk.addresses["a"])
    desk.drain()
    leg.look_after(desk.now)
    phone.talk(desk.addresses["a"])
    desk.drain()


def test_looks_before_the_peer_spoke_do_not_count(desk: SwitchBench) -> None:
    phone = desk.phone("a", SILENT)
    leg = desk.switch._legs["a"]
    phone.talk(desk.addresses["a"])
    desk.drain()
    look(desk, leg, phone)
    look(desk, leg, phone)
    phone.fill = LOUD
    phone.talk(desk.addresses["a"])
    desk.drain()
    leg.look_after(desk.now)
    phone.fill = SILENT
    look(desk, leg, phone)
    look(desk, leg, phone)
    assert desk.events(m.SilenceStarted) == []
    look(desk, leg, phone)
    assert len(desk.events(m.SilenceStarted)) == 1


def test_a_new_description_is_no_sound(desk: SwitchBench) -> None:
    """A session timer's re-INVITE does not end a silence."""
    phone = desk.phone("a", SILENT)
    leg = desk.switch._legs["a"]
    phone.talk(desk.addresses["a"])
    desk.drain()
    for _ in range(3):
        look(desk, leg, phone)
    assert len(desk.events(m.SilenceStarted)) == 1
    desk.switch.execute(phone.describe("a"))
    leg.look_after(desk.now)
    assert desk.events(m.SilenceEnded) == []
    phone.fill = LOUD
    phone.talk(desk.addresses["a"])
    desk.drain()
    leg.look_after(desk.now)
    assert desk.events(m.SilenceEnded) == [m.SilenceEnded("a")]
