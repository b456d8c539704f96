"""Words and phrases of a greeting."""

from media.detection.greeting import Greeting


def greeting_of(pattern: str) -> Greeting:
    """A frame of 20 ms for each letter: S is speech."""
    greeting = Greeting(min_word_ms=60, between_words_ms=300)
    for at, letter in enumerate(pattern):
        greeting.next_frame(is_speech=letter == "S", at_ms=(at + 1) * 20, frame_ms=20)
    return greeting


def test_a_word_begins_with_its_first_frame() -> None:
    greeting = greeting_of("." * 5 + "S" * 20 + "." * 10)
    assert (greeting.began_ms, greeting.ended_ms, greeting.length_ms) == (100, 500, 400)
    assert (greeting.phrases, greeting.spoken_ms) == (1, 400)
    assert greeting.pause_ms(700) == 200


def test_a_click_is_no_word_but_no_silence_either() -> None:
    greeting = greeting_of("SS" + "." * 10)
    assert not greeting.has_begun and greeting.length_ms == 0
    assert greeting.pause_ms(240) == 200


def test_short_gaps_are_within_a_phrase_and_long_ones_begin_another() -> None:
    greeting = greeting_of("S" * 10 + "." * 5 + "S" * 10 + "." * 20 + "S" * 5)
    assert greeting.phrases == 2
    assert greeting.longest_ms == 500


def test_pauses_within_a_phrase_end_a_breath() -> None:
    greeting = greeting_of("S" * 10 + "." * 9 + "S" * 10)
    assert (greeting.phrases, greeting.longest_ms) == (1, 200)
