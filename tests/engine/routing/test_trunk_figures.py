"""The figures of trunks, by a clock that the tests set."""

import pytest

from engine.clock import Clock
from engine.routing.trunk_figures import (
    BUCKET_S,
    FAILURES_KEPT,
    PHRASE_KEPT,
    WINDOW_S,
    TrunkFigures,
    TrunkTry,
)


class Hands:
    """The hands of a clock."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def figures(hands: Hands) -> TrunkFigures:
    return TrunkFigures(Clock(wall=lambda: hands.at + 5e8, monotonic=hands))


def test_a_trunk_without_calls(figures: TrunkFigures) -> None:
    counts = figures.of("pbx")
    assert (counts["attempts"], counts["answer_seizure_ratio"]) == (0, None)
    assert (counts["post_dial_delay"], counts["last_failures"]) == (None, [])


def test_ratio_and_delay(figures: TrunkFigures) -> None:
    figures.note(TrunkTry("pbx", answered=True, post_dial_delay_s=1.0))
    figures.note(TrunkTry("pbx", post_dial_delay_s=3.0))
    figures.note(TrunkTry("pbx", failure="Service Unavailable", status=503))
    figures.note(TrunkTry("other", answered=True))
    counts = figures.of("pbx")
    assert (counts["attempts"], counts["answered"]) == (3, 1)
    assert counts["answer_seizure_ratio"] == 0.3333
    assert counts["post_dial_delay"] == {"mean_s": 2.0, "max_s": 3.0}
    assert counts["last_failures"] == [
        {"time": 500_001_000.0, "cause": "Service Unavailable", "status": 503}
    ]


def test_what_is_older_than_the_window_leaves_the_figures(
    figures: TrunkFigures, hands: Hands
) -> None:
    figures.note(TrunkTry("pbx", answered=True))
    hands.at += WINDOW_S / 2
    figures.note(TrunkTry("pbx", failure="gone", status=500))
    hands.at += WINDOW_S / 2 + BUCKET_S
    counts = figures.of("pbx")
    assert (counts["attempts"], counts["answered"]) == (1, 0)
    hands.at += WINDOW_S
    assert figures.of("pbx")["attempts"] == 0
    assert [one["cause"] for one in figures.of("pbx")["last_failures"]] == ["gone"]


def test_no_more_is_kept_than_the_window_has_minutes(figures: TrunkFigures, hands: Hands) -> None:
    for _ in range(1000):
        figures.note(TrunkTry("pbx"))
        hands.at += BUCKET_S
    assert figures.of("pbx")["attempts"] <= WINDOW_S / BUCKET_S
    assert len(figures._trunks["pbx"].buckets) <= WINDOW_S / BUCKET_S + 1


def test_failures_are_bounded_and_the_latest_is_first(figures: TrunkFigures) -> None:
    for number in range(FAILURES_KEPT + 5):
        figures.note(TrunkTry("pbx", failure=f"{number} " + "x" * 1000, status=500))
    kept = figures.of("pbx")["last_failures"]
    assert len(kept) == FAILURES_KEPT
    assert kept[0]["cause"].startswith(f"{FAILURES_KEPT + 4} ")
    assert len(kept[0]["cause"]) == PHRASE_KEPT


def test_trunks_that_are_gone_are_forgotten(figures: TrunkFigures) -> None:
    figures.note(TrunkTry("pbx"))
    figures.note(TrunkTry("old"))
    figures.keep({"pbx"})
    assert (figures.of("pbx")["attempts"], figures.of("old")["attempts"]) == (1, 0)


def test_how_calls_sounded(figures: TrunkFigures, hands: Hands) -> None:
    assert figures.of("pbx")["quality"] is None
    figures.note_quality("pbx", {"mos": 4.4, "remote_mos": 4.2, "lost_fraction": 0.0})
    figures.note_quality("pbx", {"mos": 2.8, "remote_mos": None, "lost_fraction": 0.1})
    figures.note_quality("pbx", {"mos": None, "remote_mos": None})  # nothing came of it
    assert figures.of("pbx")["quality"] == {
        "legs": 2, "mos_mean": 3.5, "mos_min": 2.8, "loss_mean": 0.05, "poor": 1,
    }  # fmt: skip
    hands.at += WINDOW_S + BUCKET_S
    assert figures.of("pbx")["quality"] is None


def test_what_was_wrong_with_the_sound_of_calls(figures: TrunkFigures, hands: Hands) -> None:
    def faults() -> tuple[int, int, int]:
        found = figures.of("pbx")
        return found["one_way"], found["clipping"], found["echo"]

    assert faults() == (0, 0, 0)
    figures.note_quality("pbx", {"mos": 4.4, "clipped": 0.02, "echo_ms": 120, "one_way": None})
    figures.note_quality("pbx", {"mos": 4.4, "clipped": 0.01})
    figures.note_quality("pbx", {"mos": None, "one_way": "no_packets"})  # it has no score
    assert faults() == (1, 2, 1)
    hands.at += WINDOW_S + BUCKET_S
    assert faults() == (0, 0, 0)
