import io
import math

from rich.console import Console

from scripts.bench.report import Report, figure, percentile


def test_a_figure_is_the_median_and_says_its_range() -> None:
    found = figure("p", "n", "ms", [3.0, 1.0, 9.0], target=3.0)
    assert (found.value, found.low, found.high, found.runs, found.met) == (3.0, 1.0, 9.0, 3, True)


def test_a_verdict_is_given_only_where_something_is_promised() -> None:
    assert figure("p", "n", "ms", [3.0]).met is None
    assert figure("p", "n", "ms", [3.1], target=3.0).met is False


def test_a_target_may_be_the_least() -> None:
    enough = figure("p", "n", "", [700.0], at_least=500.0)
    assert (enough.met, enough.promised) == (True, "≥ 500")
    assert figure("p", "n", "", [499.0], at_least=500.0).met is False


def test_a_value_that_could_not_be_measured_is_not_met() -> None:
    assert figure("p", "n", "ms", [math.nan], target=3.0).met is False


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 201)]
    assert percentile(values, 50) == 100
    assert percentile(values, 99) == 198
    assert percentile([5.0], 99) == 5.0
    assert math.isnan(percentile([], 99))


def test_the_report_says_the_same_to_people_and_programs() -> None:
    report = Report()
    report.figures.append(figure("relay", "ratio", "", [1.2], target=1.5))
    report.figures.append(figure("talk", "lost", "", [4.0], target=0, note="of 100"))
    report.notes.append("relay: C relay skipped: no C compiler here")
    console = Console(file=io.StringIO(), width=200)
    report.show(console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("≤ 1.5", "met", "not met", "of 100", "C relay skipped"):
        assert words in text
    values = report.to_json()
    assert values["all_met"] is False
    assert [item["met"] for item in values["figures"]] == [True, False]
    assert values["notes"] == report.notes
