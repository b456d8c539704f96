"""Keys by SIP INFO reach the other party once, also where the worker passes them on as well."""

import asyncio

from engine.calls.legs.info_keys import InfoKeys
from tests.support.virtual_loop import run


class Phone:
    """What it reports by INFO, and what of it is passed on, with when."""

    def __init__(self) -> None:
        self.passed: list[tuple[str, float]] = []
        self.keys = InfoKeys(self._pass_on)
        self._began = asyncio.get_running_loop().time()

    def _pass_on(self, digit: str, _duration_ms: int) -> None:
        self.passed.append((digit, round(asyncio.get_running_loop().time() - self._began, 2)))


def test_the_keys_of_a_phone_that_reports_them_by_info_alone_are_late_at_first() -> None:
    async def script() -> None:
        phone = Phone()
        phone.keys.reported("1", 160)
        await asyncio.sleep(0.2)
        phone.keys.reported("2", 100)
        await asyncio.sleep(0.7)
        phone.keys.reported("3", 160)
        assert phone.passed == [("1", 0.31), ("2", 0.31), ("3", 0.9)]

    run(script())


def test_keys_that_are_reported_both_ways_are_not_passed_on() -> None:
    async def script() -> None:
        phone = Phone()
        phone.keys.reported("1", 100)
        phone.keys.reported("1", 100)
        await asyncio.sleep(0.1)
        phone.keys.reported_both_ways("1")
        phone.keys.reported_both_ways("1")
        await asyncio.sleep(2.0)
        assert phone.passed == []

    run(script())


def test_a_key_whose_other_report_is_lost_is_passed_on() -> None:
    async def script() -> None:
        phone = Phone()
        phone.keys.reported_both_ways("1")  # INFO was the second report
        phone.keys.reported("2", 100)
        phone.keys.reported("3", 200)
        await asyncio.sleep(0.1)
        phone.keys.reported_both_ways("3")
        await asyncio.sleep(2.0)
        phone.keys.reported("4", 100)
        await asyncio.sleep(2.0)
        assert phone.passed == [("2", 0.25), ("4", 2.35)]

    run(script())


def test_the_keys_of_a_phone_that_has_reported_another_by_telephone_event_alone_are_not_late() -> (
    None
):
    async def script() -> None:
        phone = Phone()
        phone.keys.reported_otherwise()
        await asyncio.sleep(0.1)
        phone.keys.reported("1", 100)  # it is not known yet
        await asyncio.sleep(0.4)
        phone.keys.reported_otherwise()
        phone.keys.reported("2", 100)
        assert phone.passed == [("1", 0.35), ("2", 0.5)]
        slow = Phone()
        slow.keys.reported_otherwise()
        await asyncio.sleep(0.5)
        slow.keys.reported_both_ways("1")  # INFO, late
        slow.keys.reported("2", 100)
        await asyncio.sleep(0.1)
        slow.keys.reported_both_ways("2")
        await asyncio.sleep(1.0)
        assert slow.passed == []
        known = Phone()
        known.keys.reported_otherwise()
        await asyncio.sleep(0.2)
        known.keys.reported("1", 100)
        assert known.passed == [("1", 0.2)]

    run(script())
