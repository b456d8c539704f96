"""How one of two who talk is heard, window by window."""

import numpy as np

from media.listening.echo import Echo
from media.listening.talk_judge import Clipped, OneWay, SoundFinding, TalkJudge
from media.listening.window import Window
from media.sound_settings import SoundSettings

from .test_echo import late, speech
from .test_echo import window as of_levels

SETTINGS = SoundSettings(every_s=5.0)
QUIET = np.full(200, -96.0, np.float32)


def window(
    *, talk_ms: int = 0, packets: bool = True, alive: bool = True, clipped: float = 0.0
) -> Window:
    return Window(QUIET, talk_ms, clipped, has_packets=packets, is_alive=alive)


TALK = window(talk_ms=1000)
DEAD = window(alive=False)
NOTHING = window(packets=False, alive=False)


def judged(
    *windows: tuple[Window, Window], settings: SoundSettings = SETTINGS, is_expected: bool = True
) -> list[tuple[float, SoundFinding]]:
    """What is found, and when: a window each five seconds."""
    judge = TalkJudge(settings, 0.0)
    return [
        (5.0 * number, found)
        for number, (own, other) in enumerate(windows, 1)
        for found in judge.add_windows(own, other, 5.0 * number, is_expected=is_expected)
    ]


def test_one_who_is_spoken_to_and_never_heard_is_found_once() -> None:
    assert judged(*[(DEAD, TALK)] * 8) == [(15.0, OneWay("digital_silence", 15.0))]
    assert judged(*[(NOTHING, TALK)] * 4) == [(15.0, OneWay("no_packets", 15.0))]


def test_a_polite_listener_is_none() -> None:
    assert judged(*[(window(), TALK)] * 8) == []
    assert judged((window(), TALK), *[(DEAD, TALK)] * 8) == [], "muted later"


def test_nobody_is_waited_for_who_is_not_spoken_to() -> None:
    assert judged(*[(DEAD, window())] * 8) == []
    two, *rest = [(DEAD, TALK)] * 2, *[(DEAD, window())] * 6
    assert judged(*two, *rest) == []
    assert judged(*two, *rest, (DEAD, TALK)) == [(45.0, OneWay("digital_silence", 45.0))]


def test_hold_is_no_one_way_audio() -> None:
    assert judged(*[(NOTHING, TALK)] * 8, is_expected=False) == []
    judge = TalkJudge(SETTINGS, 0.0)
    for now in range(5, 40, 5):
        assert judge.add_windows(NOTHING, TALK, float(now), is_expected=False) == []
    assert judge.add_windows(NOTHING, TALK, 40.0, is_expected=True) == []


def test_clipping_is_found_in_two_of_three_windows() -> None:
    loud, fine = window(talk_ms=900, clipped=0.021), window(talk_ms=900)
    assert judged((loud, TALK), (fine, TALK), (fine, TALK), (loud, TALK)) == []
    assert judged((loud, TALK), (fine, TALK), (loud, TALK), (loud, TALK)) == [
        (15.0, Clipped(0.021))
    ]


def test_an_echo_is_found_once() -> None:
    pairs = [(of_levels(late(speech(n), 18, -12.0)), of_levels(speech(n))) for n in range(1, 8)]
    (found,) = judged(*pairs)
    assert isinstance(found[1], Echo)
    assert judged(*pairs, is_expected=False) == []


def test_nothing_is_looked_for_that_is_not_wanted() -> None:
    nothing = SoundSettings(every_s=5.0, one_way_s=0.0, clipped_share=0.0, echo_db=0.0)
    echoes = [(of_levels(late(speech(n), 18, -12.0)), of_levels(speech(n))) for n in range(1, 8)]
    pairs = [*echoes, *[(window(alive=False, clipped=0.5), TALK)] * 5]
    assert judged(*pairs, settings=nothing) == []
    assert judged(*[(DEAD, TALK)] * 8, settings=nothing) == []
    assert not SoundSettings().is_wanted and SoundSettings(voice=True).is_wanted
