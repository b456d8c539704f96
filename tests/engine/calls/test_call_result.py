"""What a caller hears when the queue does not admit them, and what the INVITE gets else."""

import pytest

from config.inbound import Room
from config.spoken import Texts
from engine.acd.waiting import Leave, LeaveReason
from engine.calls.call_result import of_not_taken, of_sent_away, refusal_of
from engine.errors import EngineError

ROOM = Room(name="sales", texts=Texts(closed="Closed.", full="Full.", timeout="Sorry."))
SILENT = Room(name="sales", texts=Texts(closed="", full="", timeout=""))


def error(reason: str | None, **data: float) -> EngineError:
    return EngineError("unavailable", "no", "queue", {"reason": reason, **data})


@pytest.mark.parametrize(
    ("reason", "word", "text"),
    [
        ("closed", "closed", "Closed."),
        ("full", "full", "Full."),
        (None, "unavailable", "Sorry."),
    ],
)
def test_a_queue_that_does_not_admit_the_caller(reason: str | None, word: str, text: str) -> None:
    turned_away = of_not_taken(error(reason), ROOM)
    assert (turned_away.result.word, turned_away.text) == (word, text)
    assert refusal_of(turned_away, error(reason), 0.0) is None


@pytest.mark.parametrize(
    ("reason", "text"), [("closed", "Closed."), ("full", "Full."), ("timeout", "Sorry."),
                         ("overflow", "Sorry."), ("withdrawn", "Sorry.")],
)  # fmt: skip
def test_a_queue_that_sends_the_caller_away(reason: LeaveReason, text: str) -> None:
    turned_away = of_sent_away(Leave(reason=reason), ROOM)
    assert (turned_away.result.word, turned_away.text) == (reason, text)


def test_without_a_sentence_the_invite_is_refused() -> None:
    closed = error("closed", opens_at=5000.0)
    refusal = refusal_of(of_not_taken(closed, SILENT), closed, 4000.0)
    assert refusal is not None and (refusal.status, refusal.retry_after_s) == (480, 1000.0)
    full = error("full")
    refusal = refusal_of(of_not_taken(full, SILENT), full, 4000.0)
    assert refusal is not None and (refusal.status, refusal.retry_after_s) == (486, None)
    other = error(None)
    assert refusal_of(of_not_taken(other, SILENT), other, 4000.0) is None
