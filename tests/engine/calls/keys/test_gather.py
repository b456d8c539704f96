"""Gathering keys: when they are enough, how long it takes, and what cuts the prompt short."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.calls.keys.gather import Gather, Gathered, GatherSettings
from tests.support.virtual_loop import run

Step = tuple[float, str]
"""Seconds after the step before, and what happens: a key, "over" (the prompt) or an end."""


def gathered(
    steps: Sequence[Step], on_barge_in: Callable[[], None] = lambda: None, **settings: Any
) -> tuple[Gathered, float]:
    """What comes of it, and when."""

    async def main() -> tuple[Gathered, float]:
        gather = Gather(GatherSettings(**settings), on_barge_in)
        clock = asyncio.get_running_loop().time
        began = clock()

        async def script() -> None:
            for after_s, what in steps:
                await asyncio.sleep(after_s)
                if what == "over":
                    gather.prompt_over()
                elif len(what) == 1:
                    gather.take(what)
                else:
                    gather.end(what)  # type: ignore[arg-type]

        acting = asyncio.ensure_future(script())
        result = await gather.run()
        took_s = clock() - began
        await acting
        return result, took_s

    result: tuple[Gathered, float] = run(main())
    return result


KEYS = [(0.0, "over"), (1.0, "1"), (1.0, "2"), (1.0, "3")]


@pytest.mark.parametrize(
    ("steps", "settings", "digits", "ended", "took_s"),
    [
        (KEYS, {"max_digits": 3}, "123", "max_digits", 3.0),
        (KEYS, {"max_digits": 2}, "12", "max_digits", 2.0),
        (KEYS, {"between_digits_s": 2.0}, "123", "between_digits", 5.0),
        (KEYS, {"terminator": "3"}, "12", "terminator", 3.0),
        (KEYS, {"terminator": "", "min_digits": 4}, "123", "too_few", 6.0),
        ([(0.0, "over"), (1.0, "1"), (1.0, "#")], {}, "1", "terminator", 2.0),
        ([(0.0, "over"), (1.0, "1"), (1.0, "#")], {"min_digits": 2}, "1", "too_few", 2.0),
        ([(0.0, "over"), (1.0, "#")], {"min_digits": 0}, "", "terminator", 1.0),
        ([(0.0, "over")], {"first_digit_s": 7.0}, "", "first_digit", 7.0),
        # The time for the first key begins when the prompt is over.
        ([(10.0, "over")], {"first_digit_s": 7.0}, "", "first_digit", 17.0),
        ([(2.0, "5"), (1.0, "over"), (1.0, "6")], {"max_digits": 2}, "56", "max_digits", 4.0),
        ([(2.0, "5"), (1.0, "over"), (1.0, "6")], {"max_digits": 1, "barge_in": False},
         "6", "max_digits", 4.0),
        ([(0.0, "over"), (1.0, "1"), (1.0, "leg_ended")], {}, "1", "leg_ended", 2.0),
        ([(1.0, "stopped"), (1.0, "leg_ended"), (1.0, "1")], {}, "", "stopped", 1.0),
    ],
)  # fmt: skip
def test_how_it_ends(
    steps: Sequence[Step], settings: dict[str, Any], digits: str, ended: str, took_s: float
) -> None:
    result, after_s = gathered(steps, **settings)
    assert (result.digits, result.ended) == (digits, ended)
    assert after_s == pytest.approx(took_s)


def test_only_the_first_key_cuts_the_prompt_short() -> None:
    cut: list[bool] = []
    gathered([(1.0, "1"), (1.0, "2"), (1.0, "#")], lambda: cut.append(True))
    assert cut == [True]
    gathered([(1.0, "1"), (1.0, "over"), (1.0, "#")], lambda: cut.append(True), barge_in=False)
    assert cut == [True]


def test_the_digits_are_in_no_text_of_the_result() -> None:
    result, _ = gathered(KEYS, max_digits=3)
    assert "123" not in repr(result)
