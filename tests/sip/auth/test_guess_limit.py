"""How many wrong passwords one host may try."""

import pytest

from sip.auth import guess_limit
from sip.auth.guess_limit import GUESSES, PAUSE_S, GuessLimit


def test_a_host_that_guesses_too_much_is_not_heard_for_a_while() -> None:
    limit = GuessLimit()
    for _ in range(int(GUESSES.burst)):
        limit.note_wrong("192.0.2.1", 0.0)
        assert not limit.is_paused("192.0.2.1", 0.0)
    limit.note_wrong("192.0.2.1", 0.0)
    assert limit.is_paused("192.0.2.1", PAUSE_S - 1)
    assert not limit.is_paused("192.0.2.2", 0.0)
    assert not limit.is_paused("192.0.2.1", PAUSE_S)


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guess_limit, "_MOST_HOSTS", 2)
    limit = GuessLimit()
    for number in range(3):
        for _ in range(int(GUESSES.burst) + 1):
            limit.note_wrong(f"192.0.2.{number}", 0.0)
    assert [limit.is_paused(f"192.0.2.{number}", 0.0) for number in range(3)] == [
        False,
        True,
        True,
    ]
