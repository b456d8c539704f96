"""Whether a party tells a secret, and who is told of that."""

from pathlib import Path

import pytest

from engine.calls.leg import Leg
from engine.calls.legs.leg_listener import LegListener, ObservedLeg
from tests.support.legs import Published, dial, run_leg
from tests.support.scene import Scene


class Watch(LegListener):
    def __init__(self) -> None:
        self.seen: list[bool] = []

    def secrecy_changed(self, leg: ObservedLeg) -> None:
        self.seen.append(leg.tells_secret)


def test_a_party_tells_a_secret_until_the_last_who_asks_has_it(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await dial(stage, leg)
        watch = Watch()
        leg.listen(watch)
        assert leg.hears_secrets and not leg.tells_secret
        with leg.telling_secret():
            with leg.telling_secret():
                assert leg.tells_secret
            assert leg.tells_secret
        assert not leg.tells_secret
        assert watch.seen == [True, True, True, False]

    run_leg(tmp_path, script)


class Failing(LegListener):
    def secrecy_changed(self, leg: ObservedLeg) -> None:
        if leg.tells_secret:
            raise RuntimeError("it cannot be kept from here")


def test_a_secret_that_cannot_be_kept_is_not_asked_for_any_more(tmp_path: Path) -> None:
    async def script(stage: Scene, leg: Leg, _published: Published) -> None:
        await dial(stage, leg)
        watch = Watch()
        leg.listen(watch)
        leg.listen(Failing())
        with pytest.raises(RuntimeError), leg.telling_secret():
            raise AssertionError("it is asked for all the same")
        assert not leg.tells_secret
        assert watch.seen == [True, False]

    run_leg(tmp_path, script)
