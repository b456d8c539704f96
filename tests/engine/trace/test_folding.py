"""When the messages of calls that are up are compressed."""

import asyncio

from engine.trace.folding import AT_ONCE, PAUSE_S, PERIOD_S, Folding
from tests.support.virtual_loop import run


class Quiet:
    """So many dialogs that can be compressed; the first only after `wakes` looks."""

    def __init__(self, count: int, wakes: int = 0) -> None:
        self.count, self.wakes = count, wakes
        self.looks: list[float] = []

    def fold_quiet(self, most: int) -> bool:
        self.looks.append(round(asyncio.get_running_loop().time(), 3))
        if self.wakes:
            self.wakes -= 1
            return True
        self.count = max(0, self.count - most)
        return not self.count

    @property
    def has_unfolded(self) -> bool:
        return self.count > 0


def looks(quiet: Quiet, for_s: float = 100.0) -> list[float]:
    """When it was looked for something to compress, in seconds from the first call of `soon`."""

    async def script() -> None:
        folding, began = Folding(quiet), asyncio.get_running_loop().time()
        folding.soon()
        folding.soon()
        await asyncio.sleep(for_s)
        folding.stop()
        quiet.looks = [round(at - began, 3) for at in quiet.looks]

    run(script())
    return quiet.looks


def test_many_are_compressed_by_turns() -> None:
    found = looks(Quiet(2 * AT_ONCE + 1))
    assert found == [PERIOD_S, PERIOD_S + PAUSE_S, PERIOD_S + 2 * PAUSE_S]


def test_what_is_not_quiet_yet_is_looked_at_again_until_nothing_is_left() -> None:
    assert looks(Quiet(1, wakes=2)) == [PERIOD_S, 2 * PERIOD_S, 3 * PERIOD_S]


def test_nothing_happens_once_it_is_stopped() -> None:
    assert looks(Quiet(1, wakes=100), for_s=2.5) == [PERIOD_S, 2 * PERIOD_S]
