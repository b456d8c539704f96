"""The figures of calls that came in, against figures worked out by hand."""

from engine.reports.call_measures import measure_calls
from engine.reports.measures import CallRow


def test_calls_by_hand() -> None:
    figures = measure_calls(
        [
            CallRow(10.0, "completed", 12.0, 15.0, 75.0, 60.0, 0.5, "EUR", 9, "sold", 4.2, 5),
            CallRow(10.0, "completed", 12.0, 25.0, 45.0, 20.0, 0.25, "EUR", 6, "sold", 2.8, 4),
            CallRow(10.0, "abandoned", None, None, 30.0),
            CallRow(10.0, None, None, None, 11.0, outcome="spam"),
        ]
    )
    assert figures == figures | {
        "calls": 4, "answered": 2, "unanswered": 2, "answered_percent": 50.0,
        "results": {"": 1, "abandoned": 1, "completed": 2}, "to_talk_s": 10.0,
        "to_talk_p90_s": 15.0, "talk_s": 80.0, "rated": 2, "rating": 7.5,
        "outcomes": {"sold": 2, "spam": 1}, "costs": {"EUR": 0.75},
        "measured": 2, "mos": 3.5, "mos_p5": 2.8, "poor": 1,
        "one_way": 1, "clipping": 0, "echo": 2,
    }  # fmt: skip


def test_no_calls() -> None:
    figures = measure_calls([])
    assert figures["calls"] == 0
    assert figures["answered_percent"] is None
    assert figures["rating"] is None
    assert (figures["measured"], figures["mos"], figures["poor"]) == (0, None, 0)
