"""Places that are kept for those who call again, also over the death of an engine."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from engine.inbound.kept_positions import KeptPositions
from engine.store.store import Store

BOB = "+442079461111"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def with_store(tmp_path: Path, *scripts: Callable[[KeptPositions, Clock], None]) -> None:
    """Run the scripts one after the other, each in an engine of its own on the same disk."""
    clock = Clock()

    async def main() -> None:
        for script in scripts:
            store = Store(tmp_path / "positions.db")
            await store.open()
            positions = KeptPositions(store, clock=clock)
            await positions.load()
            script(positions, clock)
            await store.close()

    asyncio.run(main())


def test_a_caller_who_calls_again_in_time_regains_the_position(tmp_path: Path) -> None:
    def script(positions: KeptPositions, clock: Clock) -> None:
        assert positions.join("call-1", "sales", BOB, 60.0) == 1000.0
        clock.now = 1100.0
        positions.keep("call-1", "sales", BOB)
        clock.now = 1159.0
        assert positions.join("call-2", "sales", BOB, 60.0) == 1000.0
        clock.now = 2000.0
        positions.keep("call-2", "sales", BOB)
        clock.now = 2060.0
        assert positions.join("call-3", "sales", BOB, 60.0) == 2060.0

    with_store(tmp_path, script)


def test_a_place_is_one_queues_and_one_numbers(tmp_path: Path) -> None:
    def script(positions: KeptPositions, clock: Clock) -> None:
        positions.join("call-1", "sales", BOB, 60.0)
        positions.keep("call-1", "sales", BOB)
        clock.now = 1010.0
        assert positions.join("call-2", "support", BOB, 60.0) == 1010.0
        assert positions.join("call-3", "sales", "+442079462222", 60.0) == 1010.0
        assert positions.join("call-4", "sales", None, 60.0) == 1010.0
        assert positions.join("call-5", "sales", BOB, 60.0) == 1000.0

    with_store(tmp_path, script)


def test_two_calls_of_one_number_do_not_share_a_place(tmp_path: Path) -> None:
    def script(positions: KeptPositions, clock: Clock) -> None:
        positions.join("call-1", "sales", BOB, 60.0)
        clock.now = 1010.0
        assert positions.join("call-2", "sales", BOB, 60.0) == 1010.0
        positions.keep("call-2", "sales", BOB)
        positions.give_up("call-2", "sales", BOB)
        assert len(positions) == 1
        positions.keep("call-1", "sales", BOB)
        assert positions.join("call-3", "sales", BOB, 60.0) == 1000.0

    with_store(tmp_path, script)


def test_an_answered_caller_has_no_position_left(tmp_path: Path) -> None:
    def script(positions: KeptPositions, clock: Clock) -> None:
        positions.join("call-1", "sales", BOB, 60.0)
        positions.give_up("call-1", "sales", BOB)
        assert len(positions) == 0
        clock.now = 1010.0
        assert positions.join("call-2", "sales", BOB, 60.0) == 1010.0

    with_store(tmp_path, script)


def test_nothing_is_kept_where_no_place_is_to_be_regained(tmp_path: Path) -> None:
    def script(positions: KeptPositions, _clock: Clock) -> None:
        positions.join("call-1", "sales", BOB, 0.0)
        positions.keep("call-1", "sales", BOB)
        assert len(positions) == 0

    with_store(tmp_path, script)


def test_places_outlive_the_engine(tmp_path: Path) -> None:
    def first(positions: KeptPositions, _clock: Clock) -> None:
        positions.join("call-1", "sales", BOB, 60.0)
        positions.join("call-2", "sales", "+442079462222", 60.0)
        positions.keep("call-2", "sales", "+442079462222")

    def second(positions: KeptPositions, clock: Clock) -> None:
        assert len(positions) == 2
        clock.now = 1059.0
        assert positions.join("call-3", "sales", BOB, 60.0) == 1000.0

    def third(positions: KeptPositions, clock: Clock) -> None:
        assert len(positions) == 1  # the other one's time was over
        clock.now = 5000.0
        positions.join("call-4", "sales", None, 60.0)
        assert len(positions) == 0

    def fourth(positions: KeptPositions, _clock: Clock) -> None:
        assert len(positions) == 0

    def later(_places: KeptPositions, clock: Clock) -> None:
        clock.now = 1061.0

    with_store(tmp_path, first, second, later, third, fourth)


def test_positions_of_a_number_that_is_to_be_forgotten_are_kept_for_nobody(tmp_path: Path) -> None:
    def script(positions: KeptPositions, clock: Clock) -> None:
        for queue in ("sales", "help"):
            positions.join(f"call-{queue}", queue, BOB, 60.0)
            positions.keep(f"call-{queue}", queue, BOB)
        positions.forget_number(BOB)
        clock.now += 10.0
        assert positions.join("again", "sales", BOB, 60.0) == clock.now

    with_store(tmp_path, script)
