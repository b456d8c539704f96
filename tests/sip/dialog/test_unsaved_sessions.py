"""Which sessions are to be kept again, and which no more."""

from typing import Any, cast

from sip.dialog.unsaved_sessions import UnsavedSessions
from sip.saved import SavedSession
from sip.usage import DialogUsage


class Session:
    """A session that is kept as `saved`."""

    def __init__(self, tag: str, saved: SavedSession | None = None) -> None:
        self.local_tag = tag
        self.saved = saved

    def save(self) -> SavedSession | None:
        return self.saved


def session(tag: str, *, is_kept: bool = True) -> Any:
    saved = SavedSession(call_id="c", local_tag=tag, is_ours=True)
    return cast(DialogUsage, Session(tag, saved if is_kept else None))


def saves() -> UnsavedSessions:
    wanted = UnsavedSessions()
    wanted.is_wanted = True
    return wanted


def test_a_session_is_given_once_for_all_its_changes() -> None:
    changes, one = saves(), session("a")
    changes.changed(one)
    changes.changed(one)
    assert changes.pop_saves() == [("a", one.saved)]
    assert changes.pop_saves() == []


def test_the_end_of_a_kept_session_is_given() -> None:
    changes, one = saves(), session("a")
    changes.changed(one)
    changes.pop_saves()
    changes.changed(one)
    changes.gone(one)
    changes.gone(one)
    assert changes.pop_saves() == [("a", None)]


def test_nothing_is_given_of_one_that_came_and_went_in_between() -> None:
    changes, one = saves(), session("a")
    changes.changed(one)
    changes.gone(one)
    assert changes.pop_saves() == []


def test_one_that_is_not_worth_keeping_is_not_given() -> None:
    changes, one = saves(), session("a", is_kept=False)
    changes.changed(one)
    assert changes.pop_saves() == []
    changes.gone(one)
    assert changes.pop_saves() == []


def test_the_end_of_a_restored_one_is_given() -> None:
    changes, one = saves(), session("a")
    changes.restored(one)
    changes.gone(one)
    assert changes.pop_saves() == [("a", None)]


def test_nothing_is_noted_where_nobody_wants_it() -> None:
    changes, one = UnsavedSessions(), session("a")
    changes.changed(one)
    changes.gone(one)
    assert changes.pop_saves() == []


def test_cleared_it_gives_nothing_and_drops_nothing() -> None:
    changes, one = saves(), session("a")
    changes.changed(one)
    changes.pop_saves()
    changes.clear()
    changes.gone(one)
    assert changes.pop_saves() == []
