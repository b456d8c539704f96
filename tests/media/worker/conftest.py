"""A switch on each implementation of the relay, and two phones that it has joined."""

from collections.abc import Iterator

import pytest

from media.protocol import messages as m
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest) -> Iterator[SwitchBench]:
    made = SwitchBench(implementation=request.param())
    yield made
    made.close()


@pytest.fixture
def bridged(desk: SwitchBench) -> tuple[SwitchBench, FramePhone, FramePhone]:
    a, b = desk.phone("a", 0x11), desk.phone("b", 0x22)
    desk.switch.execute(m.Bridge("a", "b"))
    return desk, a, b
