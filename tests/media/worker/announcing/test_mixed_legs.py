"""Legs over whose sound something is mixed: looked after until nothing of it is left."""

from typing import cast

from media.worker.announcing.mixed_legs import MixedLegs
from media.worker.leg import MediaLeg


class Leg:
    """Stands in for a leg, and for its sound."""

    def __init__(self, *, fails: bool = False) -> None:
        self.sound = self
        self.is_mixed = False
        self.kept: list[float] = []
        self._fails = fails

    def keep_mixing(self, now: float) -> None:
        self.kept.append(now)
        if self._fails:
            raise ValueError("a defect of ours")


def test_a_leg_is_looked_after_from_its_loading_to_its_end() -> None:
    loading: list[MediaLeg] = []
    failed: list[MediaLeg] = []
    mixed = MixedLegs(lambda leg: leg in loading, failed.append)
    leg, broken, closed = (cast(MediaLeg, one) for one in (Leg(), Leg(fails=True), Leg()))
    for one in (broken, leg, closed):
        mixed.add_leg(one)
    mixed.forget_leg(closed)
    mixed.forget_leg(closed)
    loading.append(leg)
    mixed.frame(1.0)
    assert failed == [broken]
    loading.clear()
    cast(Leg, leg).is_mixed = True
    mixed.frame(2.0)
    assert mixed
    cast(Leg, leg).is_mixed = False
    mixed.frame(3.0)
    mixed.frame(4.0)
    assert not mixed
    assert (cast(Leg, leg).kept, cast(Leg, closed).kept) == ([1.0, 2.0, 3.0], [])
