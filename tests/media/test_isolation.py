"""What fails is logged and ends alone."""

import pytest

from media.isolation import each_alone, fault, ignore


def test_one_that_fails_is_logged_and_the_others_are_dealt_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[int] = []
    failed: list[int] = []

    def act(number: int) -> None:
        done.append(12 // number)

    each_alone([4, 0, 3], act, failed.append)
    assert (done, failed) == ([3, 4], [0])
    assert "ZeroDivisionError" in capsys.readouterr().err
    each_alone([0], act, ignore)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_fault_says_what_it_was() -> None:
    assert fault(KeyError("x")) == "a fault of the media worker: KeyError: 'x'"
