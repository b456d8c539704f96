"""Peers that send nothing, or silence: when that is said, and when it is over."""

from media.protocol import messages as m
from media.rtp.outgoing_stream import FRAME_S
from media.worker.switch import ROUNDS_PER_VISIT
from tests.support.media.switch import SwitchBench


def test_timeout_once_and_resumed(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    a.talk(desk.addresses["a"], 2)
    desk.drain()
    desk.tick(95)
    assert desk.events(m.MediaTimeout) == []
    desk.tick(100)
    (timeout,) = desk.events(m.MediaTimeout)
    assert isinstance(timeout, m.MediaTimeout)
    assert 2.0 <= timeout.silent_s <= 2.0 + (ROUNDS_PER_VISIT + 1) * FRAME_S
    a.talk(desk.addresses["a"], 2)
    desk.drain()
    assert desk.events(m.MediaResumed) == [m.MediaResumed("a")]


def test_a_browser_may_sleep_for_longer() -> None:
    desk = SwitchBench(sleep_s=4.0)
    for name, may_sleep in (("a", True), ("b", False)):
        again = desk.phone(name, 0x11).describe(name)
        again.may_sleep = may_sleep
        desk.switch.execute(again)
    desk.tick(190)
    (timeout,) = desk.events(m.MediaTimeout)
    assert isinstance(timeout, m.MediaTimeout) and timeout.leg == "b", "it is no browser"
    desk.tick(40)
    assert len(desk.events(m.MediaTimeout)) == 2
    desk.close()


def test_a_new_description_begins_a_new_wait(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.tick(110)
    assert len(desk.events(m.MediaTimeout)) == 1
    again = a.describe("a")
    again.number = 7
    desk.switch.execute(again)
    desk.tick(110)
    _, second = desk.events(m.MediaTimeout)
    assert isinstance(second, m.MediaTimeout)
    assert second.number == 7, "which description it is about"


def test_no_timeout_of_a_peer_that_must_not_send(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.switch.execute(a.describe("a", direction="sendonly"))
    desk.tick(300)
    assert desk.events(m.MediaTimeout) == []


def test_zero_means_never() -> None:
    patient = SwitchBench(timeout_s=0.0, silence_s=0.0)
    a = patient.phone("a", 0xFF)  # u-law zero
    patient.tick(100)
    assert patient.events(m.MediaTimeout) == []
    for _ in range(7):
        leg = patient.switch._legs["a"]
        leg.incoming.loud_at -= 0.6
        leg.look_at = 0.0
        for _ in range(ROUNDS_PER_VISIT):
            a.talk(patient.addresses["a"])
            patient.drain()
            patient.switch.tick(patient.now)
    assert patient.events(m.SilenceStarted) == []
    patient.close()


def test_silence_is_noticed_and_its_end(desk: SwitchBench) -> None:
    a = desk.phone("a", 0xFF)  # u-law zero
    for _ in range(7):
        leg = desk.switch._legs["a"]
        leg.incoming.loud_at -= 0.6
        leg.look_at -= 0.6
        for _ in range(ROUNDS_PER_VISIT):
            a.talk(desk.addresses["a"])
            desk.drain()
            desk.switch.tick(desk.now)
    (started,) = desk.events(m.SilenceStarted)
    assert isinstance(started, m.SilenceStarted)
    assert started.silent_ms >= 1000
    a.fill = 0x10
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    desk.tick(ROUNDS_PER_VISIT)
    assert desk.events(m.SilenceEnded) == [m.SilenceEnded("a")]
