"""A peer that a re-INVITE moves while packets of the old one are still under way."""

from collections.abc import Iterator

import msgspec
import pytest

from media.protocol import messages as m
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone


@pytest.fixture
def desk() -> Iterator[SwitchBench]:
    made = SwitchBench()
    yield made
    made.close()


def test_what_the_old_peer_sent_last_does_not_stand_for_the_new_one(desk: SwitchBench) -> None:
    old, partner = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    to_a = desk.addresses["a"]
    old.talk(to_a, 5)
    desk.drain()
    old.talk(to_a, 2)  # waits in the line as the description comes
    described, real = (
        FramePhone(0x33),
        FramePhone(0x44),
    )  # the new peer sends from another port than it says
    desk.phones += [described, real]
    desk.switch.execute(described.describe("a"))
    real.talk(to_a, 10)
    desk.drain()
    heard = [packet.payload for packet in partner.listen()]
    assert heard == [old.frame] * 5 + [real.frame] * 6  # after probation
    assert desk.events(m.PeerMoved) == [m.PeerMoved("a", "127.0.0.1", real.port)]
    assert desk.stats("a").dropped_late == 2


def test_the_old_peer_goes_on_for_a_while_and_the_new_one_only_listens(desk: SwitchBench) -> None:
    old, partner = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    to_a, to_b = desk.addresses["a"], desk.addresses["b"]
    old.talk(to_a, 5)
    desk.drain()
    assert len(partner.listen()) == 5
    new = FramePhone(0x33)
    desk.phones.append(new)
    desk.switch.execute(new.describe("a"))
    old.talk(to_a, 20)
    partner.talk(to_b, 5)
    desk.drain()
    assert partner.listen() == old.listen() == []
    assert len(new.listen()) == 5
    assert desk.stats("a").dropped_stranger == 20
    assert desk.events(m.PeerMoved) == []


def test_a_peer_that_moves_where_no_way_leads_leaves_nobody_listening(desk: SwitchBench) -> None:
    old, partner = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    to_a, to_b = desk.addresses["a"], desk.addresses["b"]
    for _ in range(3):
        old.talk(to_a)
        partner.talk(to_b)
        desk.drain()
    assert len(old.listen()) == 3
    gone = msgspec.structs.replace(old.describe("a"), host="255.255.255.255")
    desk.switch.execute(gone)  # connecting to a broadcast address is refused
    old.talk(to_a, 3)
    partner.talk(to_b, 3)
    desk.drain()
    desk.tick(3)
    assert old.listen() == []
    assert len(partner.listen()) == 3
    assert desk.stats("a").send_errors > 0
    desk.switch.execute(old.describe("a"))
    old.talk(to_a, 3)
    partner.talk(to_b, 3)
    desk.drain()
    assert len(old.listen()) == len(partner.listen()) == 3
    desk.switch.execute(m.Close(1, "a"))


def test_an_address_that_could_not_be_reached_is_tried_again_with_the_next_description(
    desk: SwitchBench,
) -> None:
    phone, partner = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    desk.switch._legs["a"]._stop_relaying()  # as after a connect without a route
    partner.talk(desk.addresses["b"], 2)
    desk.drain()
    assert phone.listen() == []
    desk.switch.execute(phone.describe("a"))
    partner.talk(desk.addresses["b"], 2)
    phone.talk(desk.addresses["a"], 2)
    desk.drain()
    assert len(phone.listen()) == len(partner.listen()) == 2
