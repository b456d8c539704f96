"""Keys that a phone reports by telephone-event and by SIP INFO: each press counts once."""

from engine.calls.legs.doubled_keys import DoubledKeys


def second(keys: DoubledKeys, reports: str) -> list[bool]:
    """Of each report, such as `5e5i`, whether it is a press's second; 50 ms lie between two."""
    found = []
    for number in range(0, len(reports), 2):
        digit, how = reports[number], reports[number + 1]
        found.append(keys.is_second(digit, 100, number * 0.025, by_info=how == "i"))
    return found


def test_a_phone_that_reports_one_way_presses_each_time() -> None:
    assert second(DoubledKeys(), "5e5e5e") == [False] * 3
    assert second(DoubledKeys(), "5i5i5i") == [False] * 3


def test_each_press_has_one_second_report_in_any_order() -> None:
    assert second(DoubledKeys(), "5e5i5e5i") == [False, True, False, True]
    assert second(DoubledKeys(), "5e5e5i5i") == [False, False, True, True]
    assert second(DoubledKeys(), "4i5i4e5e") == [False, False, True, True]
    assert second(DoubledKeys(), "4e5i") == [False, False]


def test_reports_that_are_far_apart_are_two_presses() -> None:
    keys = DoubledKeys()
    assert not keys.is_second("1", 100, 10.0, by_info=False)
    assert not keys.is_second("1", 100, 11.2, by_info=True)
    assert not keys.is_second("2", 100, 20.0, by_info=True)
    assert keys.is_second("2", 3000, 23.5, by_info=False)  # it was held for three seconds


def test_few_are_kept() -> None:
    keys = DoubledKeys()
    for number in range(1000):
        assert not keys.is_second(str(number % 10), 100, number / 1e3, by_info=False)
    assert len(keys._reported) == 32
