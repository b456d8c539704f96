"""Pages of lists: their bounds, and where the next one begins."""

import asyncio
from typing import Any

import msgspec
import pytest

from engine.control.methods import pages
from engine.control.methods.pages import PAGE_BYTES, after_named, bounded, cursor_at, page_of
from engine.errors import BadParams
from tests.support.virtual_loop import run


def view(number: int) -> dict[str, Any]:
    return {"number": number, "text": "x" * 1000}


def test_a_page_has_as_many_as_were_asked_for_and_says_whether_more_follow() -> None:
    page = run(page_of(range(10), view, 4))
    assert [one["number"] for one in page.views] == [0, 1, 2, 3]
    assert page.last == 3
    page = run(page_of(range(4), view, 4))
    assert (len(page.views), page.last) == (4, None)
    page = run(page_of([], view, 4))
    assert (page.views, page.last) == ([], None)


def test_a_page_fits_on_a_line() -> None:
    page = run(page_of(range(5000), view, 5000))
    size = len(msgspec.json.encode(page.views))
    assert PAGE_BYTES < size < PAGE_BYTES + 10_000
    assert page.last == page.views[-1]["number"]


def test_one_item_that_is_too_long_is_a_page_of_its_own() -> None:
    def long(number: int) -> dict[str, Any]:
        return {"number": number, "text": "x" * (PAGE_BYTES + 1)}

    page = run(page_of(range(3), long, 10))
    assert (len(page.views), page.last) == (1, 0)


def test_the_loop_has_its_turn_while_a_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(pages.time, "perf_counter", lambda: next(clock))  # type: ignore[attr-defined]

    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        others = asyncio.create_task(other())
        await page_of(range(50), view, 50)
        others.cancel()
        assert turns >= 50

    run(main())


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    assert bounded([view(1), view(2)]) == ([view(1), view(2)], 0)
    shown, left_out = bounded(map(view, range(100)), 10_000)
    assert len(shown) == 9
    assert left_out == 91


def test_pages_of_named_things_go_on_where_the_one_before_ended() -> None:
    named = {name: name.upper() for name in "abcdef"}
    assert after_named(named, None, "x.list") == list("ABCDEF")
    cursor = cursor_at(named, "b")
    assert after_named(named, cursor, "x.list") == list("CDEF")
    named["g"] = "G"
    assert after_named(named, cursor, "x.list") == list("CDEFG")
    del named["b"]  # the one that the page ended with
    assert after_named(named, cursor, "x.list") == list("CDEFG")


def test_pages_go_on_where_an_earlier_one_is_gone() -> None:
    named = {name: name.upper() for name in "abcdef"}
    cursor = cursor_at(named, "b")
    del named["a"]
    assert after_named(named, cursor, "x.list") == list("CDEF")


@pytest.mark.parametrize("cursor", ["", "x", "-1:a", "1:", "1", "99999999999:a", "²:a"])
def test_a_cursor_that_was_never_given_is_refused(cursor: str) -> None:
    with pytest.raises(BadParams) as refused:
        after_named({"a": 1}, cursor, "x.list")
    assert refused.value.field == "cursor"
    assert "x.list" in refused.value.reason
