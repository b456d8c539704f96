"""Single tones, frame by frame."""

from media.detection.tone_watch import Tone, ToneWatch


def watch(frequencies: list[float]) -> list[Tone]:
    tones = ToneWatch()
    ended = [tones.next_frame(hz, (at + 1) * 20, 20) for at, hz in enumerate(frequencies)]
    return [one for one in ended if one is not None]


def test_a_tone_ends_where_it_was_heard_last() -> None:
    (tone,) = watch([0.0, 1000.0, 1002.0, 1001.0, 0.0, 0.0, 0.0])
    assert (tone.began_ms, tone.ended_ms, tone.duration_ms) == (20, 80, 60)


def test_a_frame_or_two_that_are_spoilt_do_not_end_it() -> None:
    assert watch([2100.0, 2100.0, 0.0, 0.0, 2100.0]) == []


def test_another_frequency_is_another_tone() -> None:
    first, second = watch([950.0] * 5 + [1400.0] * 5 + [0.0] * 3)
    assert (round(first.hz), round(second.hz), second.began_ms) == (950, 1400, 100)


def test_what_is_heard_now_is_known() -> None:
    tones = ToneWatch()
    tones.next_frame(700.0, 20, 20)
    assert tones.current == Tone(700.0, 0, 20)
