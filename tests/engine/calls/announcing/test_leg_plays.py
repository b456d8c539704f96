"""The plays of one leg: priorities, turns, ends."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.calls.announcing.leg_plays import MOST_WAITING, LegPlays, Play
from engine.errors import EngineError
from media.protocol.messages import Played, PlayEnd
from media.sources import Silence, Source


class Leg:
    """Keeps what its party is told to hear, and what is published."""

    id = "leg-1"

    def __init__(self) -> None:
        self.has_media = True
        self.number = 0
        self.ends: dict[int, Callable[[Played | None], None]] = {}
        self.stopped: list[int] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.how: list[tuple[bool, int]] = []

    def announce(
        self, source: Source, *, mix: bool, rounds: int, on_ended: Callable[[Played | None], None]
    ) -> int | None:
        if not self.has_media:
            return None
        self.number += 1
        self.how.append((mix, rounds))
        self.ends[self.number] = on_ended
        return self.number

    def stop_announcement(self, number: int) -> None:
        self.stopped.append(number)

    def publish_play(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))

    def end(self, number: int, how: PlayEnd = "finished", error: str | None = None) -> None:
        self.ends.pop(number)(Played("leg-1", number, error, end=how, heard_ms=40))

    def finished(self) -> list[tuple[str, str]]:
        """Every play that has ended, and how."""
        return [(one["play"], one["reason"]) for kind, one in self.events if kind[5:] == "finished"]

    def started(self) -> list[str]:
        return [fields["play"] for kind, fields in self.events if kind == "play.started"]


def play(name: str, priority: int = 5, **more: Any) -> Play:
    return Play(id=name, source=Silence(), priority=priority, **more)


def test_one_is_heard_to_its_end() -> None:
    leg, idle = Leg(), []
    over: list[Play] = []
    plays = LegPlays(leg, lambda: idle.append(True))
    plays.begin(play("a", mix=True, rounds=3, on_finished=over.append))
    assert leg.how == [(True, 3)]
    assert not idle
    leg.end(1)
    assert leg.events == [
        ("play.started", {"play": "a"}),
        ("play.finished", {"play": "a", "reason": "finished", "heard_ms": 40}),
    ]
    assert idle == [True]
    assert [one.id for one in over] == ["a"]


def test_one_of_the_same_priority_takes_its_place_and_a_lower_one_waits() -> None:
    leg = Leg()
    plays = LegPlays(leg)
    plays.begin(play("a"))
    plays.begin(play("b"))
    leg.end(1, "replaced")
    plays.begin(play("low", 1))
    plays.begin(play("middle", 3))
    plays.begin(play("other", 3))
    assert leg.started() == ["a", "b"]
    for number in (2, 3, 4, 5):
        leg.end(number)
    assert leg.started() == ["a", "b", "middle", "other", "low"]
    assert leg.finished()[0] == ("a", "replaced")


def test_one_or_all_are_stopped() -> None:
    leg = Leg()
    plays = LegPlays(leg)
    for name, priority in (("a", 9), ("b", 1), ("c", 1)):
        plays.begin(play(name, priority))
    assert not plays.stop("nobody")
    assert plays.stop("b")
    assert leg.finished() == [("b", "stopped")]
    assert plays.stop()
    assert leg.stopped == [1]
    leg.end(1, "stopped")
    assert leg.finished() == [("b", "stopped"), ("c", "stopped"), ("a", "stopped")]
    assert not plays.stop()


def test_all_end_with_the_leg() -> None:
    leg, idle = Leg(), []
    plays = LegPlays(leg, lambda: idle.append(True))
    plays.begin(play("a", 9))
    plays.begin(play("b", 1))
    leg.ends[1](None)
    assert leg.finished() == [("a", "leg_ended"), ("b", "leg_ended")]
    leg.has_media = False
    plays.begin(play("c"))
    assert leg.finished()[-1] == ("c", "leg_ended")
    assert idle == [True, True]


def test_one_that_cannot_be_played_says_why_and_the_next_has_its_turn() -> None:
    leg = Leg()
    plays = LegPlays(leg)
    plays.begin(play("a", 9))
    plays.begin(play("b"))
    leg.end(1, "failed", "a.wav: is empty")
    assert leg.events[1][1]["error"] == "a.wav: is empty"
    assert leg.finished() == [("a", "failed")]
    assert leg.started() == ["a", "b"]


def test_not_any_number_may_wait() -> None:
    leg = Leg()
    plays = LegPlays(leg)
    plays.begin(play("a", 9))
    for number in range(MOST_WAITING):
        plays.begin(play(str(number), 1))
    with pytest.raises(EngineError) as error:
        plays.begin(play("too many", 1))
    assert error.value.kind == "state"
