"""When new calls are refused because those that are up would suffer."""

import asyncio

import pytest

from engine.errors import EngineError
from engine.routing.overload import LEAST_LEGS, PERIOD_S, WINDOW_S, Load, Overload
from tests.support.virtual_loop import run

LIMIT_S = 0.08
A_WHILE = round(WINDOW_S / PERIOD_S)


class Published:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def publish(self, type: str, **fields: object) -> None:
        self.events.append((type, fields))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _fields in self.events]


class Machine:
    """An engine and a media worker, each as late and as busy as a test says."""

    def __init__(self, limit_s: float = LIMIT_S, legs: int = LEAST_LEGS) -> None:
        self.loop: Load = (0.0, 0.0)
        self.media: Load = (0.0, 0.0)
        self.legs = legs
        self.now = 0.0
        self.cpu_s = 0.0
        self.published = Published()
        self.overload = Overload(
            limit_s,
            media=lambda: self.media,
            legs=lambda: self.legs,
            events=self.published,
            cpu=lambda: self.cpu_s,
        )

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds / PERIOD_S)):
            late_s, busy = self.loop
            self.now += PERIOD_S
            self.cpu_s += busy * PERIOD_S
            self.overload.measure(late_s, self.now)

    @property
    def reason(self) -> str | None:
        return self.overload.reason


def test_nothing_is_refused_while_both_keep_time() -> None:
    machine = Machine()
    machine.loop, machine.media = (0.01, 0.6), (0.005, 0.7)
    machine.passes(60.0)
    assert machine.reason is None
    machine.overload.check()
    assert machine.published.events == []


@pytest.mark.parametrize(
    ("loop", "media", "reason"),
    [
        ((0.1, 0.3), (0.0, 0.0), "the event loop is 100 ms late"),
        ((0.0, 0.0), (0.1, 0.3), "the media worker is 100 ms late"),
        # One that is busy itself is the cause.
        ((0.03, 0.9), (0.0, 0.0), "the event loop is 30 ms late"),
        ((0.0, 0.0), (0.03, 0.9), "the media worker is 30 ms late"),
        ((0.0, 0.0), (0.0, 0.97), "the media worker has no processor time left"),
    ],
)
def test_what_is_late_is_named(loop: Load, media: Load, reason: str) -> None:
    machine = Machine()
    machine.loop, machine.media = loop, media
    machine.passes(WINDOW_S)
    assert machine.reason == f"the engine is overloaded: {reason}"
    with pytest.raises(EngineError) as refused:
        machine.overload.check()
    error = refused.value
    assert (error.kind, error.message) == ("unavailable", machine.reason)
    assert error.data == {"reason": "overload", "retry_after_s": 10}
    (event,) = machine.published.events
    assert event == ("engine.overloaded", {"reason": reason, "legs": LEAST_LEGS})


@pytest.mark.parametrize(
    ("loop", "media"),
    [
        ((0.03, 0.3), (0.03, 0.3)),  # others have the processor
        ((0.0, 1.0), (0.0, 0.9)),  # a busy event loop that keeps time
    ],
)
def test_what_is_not_late_enough(loop: Load, media: Load) -> None:
    machine = Machine()
    machine.loop, machine.media = loop, media
    machine.passes(20.0)
    assert machine.reason is None


def test_one_stall_refuses_nothing() -> None:
    machine = Machine()
    machine.passes(WINDOW_S)
    machine.overload.measure(1.0, machine.now + 1.0)
    machine.now += 1.0
    machine.passes(5.0)
    assert machine.published.events == []


def test_a_few_calls_are_never_the_cause() -> None:
    machine = Machine(legs=LEAST_LEGS - 1)
    machine.loop = machine.media = (5.0, 1.0)
    machine.passes(10.0)
    assert machine.reason is None


def test_without_a_limit_nothing_is_refused() -> None:
    machine = Machine(limit_s=0.0)
    machine.loop = machine.media = (5.0, 1.0)
    machine.passes(10.0)
    assert machine.reason is None
    machine.overload.configure(LIMIT_S)
    machine.passes(PERIOD_S)
    assert machine.reason is not None


def test_it_is_relieved_once_it_has_been_much_less_for_a_while() -> None:
    machine = Machine()
    machine.media = (0.1, 0.3)
    machine.passes(WINDOW_S)
    machine.media = (0.05, 0.3)  # below the limit, but not below its half
    machine.passes(10.0)
    assert machine.reason is not None
    machine.media = (0.01, 0.3)
    machine.passes(WINDOW_S - 2 * PERIOD_S)
    assert machine.reason is not None
    machine.passes(3 * PERIOD_S)
    assert machine.reason is None
    machine.overload.check()
    assert machine.published.kinds == ["engine.overloaded", "engine.relieved"]
    assert machine.published.events[1][1]["for_s"] == pytest.approx(13.9, abs=0.3)


def test_it_is_relieved_when_the_calls_have_ended() -> None:
    machine = Machine()
    machine.media = (0.1, 0.3)
    machine.passes(WINDOW_S)
    machine.legs = 0
    machine.passes(WINDOW_S + PERIOD_S)
    assert machine.reason is None


def test_the_measures_are_shown() -> None:
    machine = Machine()
    machine.loop, machine.media = (0.1, 0.5), (0.02, 0.25)
    machine.passes(WINDOW_S)
    with pytest.raises(EngineError):
        machine.overload.check()
    assert machine.overload.view() == {
        "overloaded": True,
        "reason": "the engine is overloaded: the event loop is 100 ms late",
        "refused": 1,
        "loop_late_ms": 100.0,
        "loop_busy": 0.5,
        "media_late_ms": 20.0,
        "media_busy": 0.25,
    }


def test_it_measures_the_loop_that_it_runs_on() -> None:
    overload = Overload(LIMIT_S)

    async def main() -> None:

        overload.start()
        await asyncio.sleep(5.0)
        assert overload.loop()[0] == 0.0
        overload.stop()
        await asyncio.sleep(5.0)

    run(main(), lambda _seconds: None)
    assert overload.view()["overloaded"] is False
