"""When a process is asked for a sign of life, and when it is given up."""

import asyncio
import time

import pytest

from media.watchdog import PERIOD_S, Watchdog
from tests.support import virtual_loop


class Watched:
    """A process that may answer, and what the watchdog did about it."""

    def __init__(self, *, answers: bool = True, period_s: float = PERIOD_S) -> None:
        self.answers = answers
        self.asked_at: list[float] = []
        self.hung_at: list[float] = []
        self.loop = asyncio.get_running_loop()
        self.watchdog = Watchdog(self.ask, self.hung, period_s=period_s)
        self.watchdog.start()

    def ask(self) -> None:
        self.asked_at.append(self.loop.time())
        if self.answers:
            self.loop.call_later(0.01, self.watchdog.heard)

    def hung(self) -> None:
        self.hung_at.append(self.loop.time())


def test_who_answers_is_asked_now_and_then() -> None:
    async def main() -> None:
        watched = Watched()
        await asyncio.sleep(60)
        watched.watchdog.stop()
        assert 60 / PERIOD_S / 3 <= len(watched.asked_at) <= 60 / PERIOD_S / 2 + 1
        assert watched.hung_at == []

    virtual_loop.run(main())


def test_who_talks_is_never_asked() -> None:
    async def main() -> None:
        watched = Watched(answers=False)
        for _ in range(30):
            await asyncio.sleep(2.0)
            watched.watchdog.heard()
        watched.watchdog.stop()
        assert watched.asked_at == []

    virtual_loop.run(main())


def test_who_does_not_answer_is_given_up_once() -> None:
    async def main() -> None:
        watched = Watched(answers=False)
        await asyncio.sleep(60)
        (asked,) = watched.asked_at
        (hung,) = watched.hung_at
        assert hung - asked == pytest.approx(5.0)
        assert watched.watchdog.deadline_s == 5.0

    virtual_loop.run(main())


async def test_a_pause_of_the_watching_process_is_not_blamed_on_the_other() -> None:
    watched = Watched(period_s=0.02)
    for _ in range(3):
        time.sleep(0.15)  # noqa: ASYNC251 - the whole process is held up, its loop with it
        await asyncio.sleep(0.001)
        watched.watchdog.heard()
    watched.watchdog.stop()
    assert watched.hung_at == []


def test_nothing_happens_after_stop() -> None:
    async def main() -> None:
        watched = Watched(answers=False)
        await asyncio.sleep(PERIOD_S * 2.5)
        watched.watchdog.stop()
        await asyncio.sleep(60)
        assert watched.hung_at == []

    virtual_loop.run(main())
