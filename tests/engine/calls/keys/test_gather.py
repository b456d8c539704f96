"""Gathering keys: when they are enough, how long it takes, and what cuts the prompt short."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.calls.keys.gather import Gather, Gathered, GatherSettings
from engine.calls.recognition.speech import HeardSpeech, WantedSpeech
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
                    gather.press(what)
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


# -- words

WANTED = WantedSpeech(("yes", "no"), digits=True)


def said(text: str, *, confidence: float | None = 0.9, is_final: bool = True) -> HeardSpeech:
    return HeardSpeech(text, WANTED.vocabulary.match(text), confidence, is_final, 0, 500)


def spoken(
    *steps: tuple[float, Callable[[Gather], None]], **settings: Any
) -> tuple[Gathered, float, int]:
    """What comes of it, when, and how often a prompt was cut short."""
    cuts: list[int] = []

    async def main() -> tuple[Gathered, float]:
        given: dict[str, Any] = {"speech": WANTED} | settings
        gather = Gather(GatherSettings(**given), lambda: cuts.append(1))
        clock = asyncio.get_running_loop().time
        began = clock()

        async def script() -> None:
            for after_s, act in steps:
                await asyncio.sleep(after_s)
                act(gather)

        acting = asyncio.ensure_future(script())
        result = await gather.run()
        took_s = clock() - began
        await acting
        return result, took_s

    result, took_s = run(main())
    return result, took_s, len(cuts)


def hears(text: str, **how: Any) -> Callable[[Gather], None]:
    return lambda gather: gather.speech_heard(said(text, **how))


def over(gather: Gather) -> None:
    gather.prompt_over()


def begins(gather: Gather) -> None:
    gather.speech_began()


def test_a_word_ends_it_and_cuts_the_prompt_short() -> None:
    result, took_s, cuts = spoken((1.0, begins), (1.0, hears("yes please")))
    assert (result.ended, result.text, result.word) == ("speech", "yes please", "yes")
    assert (result.confidence, result.digits, took_s, cuts) == (0.9, "", 2.0, 1)
    assert "yes" not in repr(result)


@pytest.mark.parametrize(
    ("text", "how", "word", "ended"),
    [
        ("four two", {}, "42", "speech"),
        ("maybe", {}, None, "no_match"),
        ("yes", {"confidence": 0.1}, None, "no_match"),
        ("yes", {"confidence": None}, "yes", "speech"),
    ],
)
def test_what_was_said_is_one_of_the_words_or_none(
    text: str, how: dict[str, Any], word: str | None, ended: str
) -> None:
    result, _, _ = spoken((0.0, over), (1.0, hears(text, **how)))
    assert (result.text, result.word, result.ended) == (text, word, ended)


def test_without_words_anything_counts() -> None:
    result, _, _ = spoken((0.0, over), (1.0, hears("whatever")), speech=WantedSpeech())
    assert (result.text, result.word, result.ended) == ("whatever", None, "speech")


def test_what_is_not_final_counts_as_speaking_alone() -> None:
    result, took_s, cuts = spoken(
        (1.0, hears("yes", is_final=False)), (10.0, hears("no")), first_digit_s=3.0
    )
    assert (result.word, took_s, cuts) == ("no", 11.0, 1)


def test_who_begins_to_speak_and_is_not_understood_has_15_s() -> None:
    result, took_s, _ = spoken((0.0, over), (1.0, begins), first_digit_s=3.0)
    assert (result.ended, took_s, result.text) == ("no_match", 16.0, None)


def test_who_says_nothing_has_the_time_of_the_first_key() -> None:
    result, took_s, _ = spoken((0.0, over), first_digit_s=3.0, max_digits=0)
    assert (result.ended, took_s) == ("first_digit", 3.0)


def test_after_the_first_key_nothing_is_listened_to() -> None:
    result, _, _ = spoken(
        (0.0, over),
        (1.0, lambda gather: gather.press("1")),
        (1.0, begins),
        (0.5, hears("yes")),
        between_digits_s=3.0,
    )
    assert (result.digits, result.ended, result.text) == ("1", "between_digits", None)


def test_with_words_alone_keys_do_not_count() -> None:
    result, _, cuts = spoken(
        (1.0, lambda gather: gather.press("1")), (1.0, hears("no")), max_digits=0
    )
    assert (result.digits, result.word, cuts) == ("", "no", 1)


def test_without_barge_in_words_count_once_the_prompt_is_over() -> None:
    result, _, cuts = spoken(
        (1.0, begins), (1.0, hears("yes")), (1.0, over), (1.0, hears("no")), barge_in=False
    )
    assert (result.word, cuts) == ("no", 0)


def test_a_recogniser_that_is_lost_costs_the_words_alone() -> None:
    result, took_s, _ = spoken(
        (0.0, over),
        (1.0, begins),
        (1.0, lambda gather: gather.recognition_over("it has died", has_failed=True)),
        first_digit_s=3.0,
    )
    assert (result.ended, result.speech_failed, took_s) == ("first_digit", "it has died", 5.0)


def test_what_comes_after_its_end_is_nothing() -> None:
    result, _, _ = spoken((0.0, over), (1.0, hears("yes")), (0.0, hears("no")), (0.0, begins))
    assert result.word == "yes"


def test_who_did_not_ask_for_words_gets_none() -> None:
    result, _, _ = spoken((0.0, over), (1.0, hears("yes")), speech=None, first_digit_s=3.0)
    assert (result.ended, result.text) == ("first_digit", None)
