"""Tells who or what has answered, by recorded answers and by made ones."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.detection.answer_detector import AnswerDetector
from media.detection.verdict import Beep, Finding, MachineHeard, Verdict
from media.detection_limits import DetectionLimits
from media.detection_phrases import BUILT_IN
from media.sound.hold_music import render
from tests.support.detection_limits import usual_limits
from tests.support.voices import tone, voice

from .recorded_answers import answers

Sound = NDArray[np.int16]


def quiet(seconds: float) -> Sound:
    return np.zeros(int(seconds * 8000), np.int16)


def speech(seconds: float) -> Sound:
    """In one breath, with the short gaps that speech has and music has not."""
    return np.concatenate([voice(0.5), quiet(0.08)] * round(seconds / 0.58))


def listen(*parts: Sound, limits: DetectionLimits | None = None) -> list[Finding]:
    """What is found where the parts come one after the other, in packets of 20 ms."""
    detector = AnswerDetector(limits or usual_limits(), 1000.0)
    sound = np.concatenate(parts)
    found: list[Finding] = []
    for begin in range(0, len(sound), 160):
        found += detector.feed(sound[begin : begin + 160], 1000.0 + (begin + 160) / 8)
    return found


def verdict_of(*parts: Sound, limits: DetectionLimits | None = None) -> Verdict:
    (verdict,) = [one for one in listen(*parts, limits=limits) if isinstance(one, Verdict)]
    return verdict


def test_recorded_answers_are_told_apart() -> None:
    found = {name: verdict_of(sound, quiet(3.0)) for name, sound in answers().items()}
    assert {name: one.label for name, one in found.items()} == {
        name: name.split("-")[0] for name in found
    }
    people = [one.after_ms for name, one in found.items() if name.startswith("human")]
    assert sorted(people)[len(people) // 2] <= 1600


def test_a_word_and_a_pause_is_a_person() -> None:
    verdict = verdict_of(quiet(0.4), voice(0.4), quiet(2.0))
    assert (verdict.label, verdict.reason, verdict.phrases) == ("human", "short_greeting", 1)
    assert 1100 <= verdict.after_ms <= 1500
    assert verdict.initial_silence_ms == pytest.approx(400, abs=60)
    assert verdict.greeting_ms == pytest.approx(400, abs=100)


def test_a_longer_greeting_takes_a_longer_pause() -> None:
    short = verdict_of(voice(0.5), quiet(3.0))
    longer = verdict_of(voice(1.6), quiet(3.0))
    assert (short.label, longer.label) == ("human", "human")
    assert longer.after_ms - 1600 > short.after_ms - 500 + 200


def test_a_long_greeting_and_a_beep_is_a_mailbox() -> None:
    found = listen(quiet(0.3), speech(5.0), quiet(0.8), tone(1000.0, 0.5), quiet(1.0))
    heard, beep, verdict = found
    assert isinstance(heard, MachineHeard) and heard.reason == "fluent_greeting"
    assert heard.after_ms < 4500
    assert isinstance(beep, Beep) and beep.hz == pytest.approx(1000, abs=10)
    assert beep.duration_ms == pytest.approx(500, abs=40)
    assert isinstance(verdict, Verdict) and verdict.reason == "beep"
    assert verdict.label == "voicemail" and verdict.beep_ms == beep.after_ms
    assert beep.after_ms == pytest.approx(6800, abs=60)


@pytest.mark.parametrize("hz", [420.0, 1400.0, 2000.0])
def test_beeps_of_any_usual_frequency_are_heard(hz: float) -> None:
    found = listen(voice(2.0), quiet(0.5), tone(hz, 0.2), quiet(1.0))
    assert [type(one) for one in found] == [Beep, Verdict]


def test_a_short_greeting_with_its_beep_is_a_mailbox() -> None:
    assert verdict_of(voice(2.2), quiet(0.4), tone(800.0, 0.4), quiet(1.0)).label == "voicemail"


def test_a_beep_alone_is_a_mailbox_and_a_ringing_tone_is_none() -> None:
    assert verdict_of(quiet(1.0), tone(900.0, 0.6), quiet(1.0)).label == "voicemail"
    after_ringing = verdict_of(tone(425.0, 0.8), quiet(0.3), voice(0.4), quiet(1.5))
    assert after_ringing.label == "human"


def test_special_information_is_no_beep() -> None:
    tones = [tone(hz, 0.33) for hz in (950.0, 1400.0, 1800.0)]
    verdict = verdict_of(quiet(0.5), *tones, quiet(2.0))
    assert (verdict.label, verdict.reason) == ("unknown", "progress_tone")


def test_a_dial_tone_is_unknown() -> None:
    verdict = verdict_of(tone(425.0, 8.0))
    assert (verdict.label, verdict.reason) == ("unknown", "progress_tone")


def test_the_tones_of_both_kinds_of_fax_are_heard() -> None:
    answering = verdict_of(quiet(1.0), tone(2100.0, 2.6))
    assert (answering.label, answering.reason) == ("fax", "fax_tone")
    assert answering.after_ms < 2000
    calling = verdict_of(quiet(1.0), tone(1100.0, 0.5), quiet(1.0))
    assert calling.label == "fax"


def test_an_answer_tone_whose_phase_is_turned_is_a_fax() -> None:
    turned = np.concatenate([tone(2100.0, 0.45) * (-1) ** number for number in range(4)])
    assert verdict_of(quiet(0.5), turned.astype(np.int16)).label == "fax"


def test_a_question_and_a_wait_is_an_assistant_and_a_longer_text_a_menu() -> None:
    limits = usual_limits()
    question = verdict_of(speech(5.0), quiet(4.0))
    assert (question.label, question.reason) == ("screening", "waits_for_answer")
    phrases = [part for _ in range(6) for part in (voice(1.6), quiet(0.4))]
    menu = verdict_of(*phrases, quiet(4.0))
    assert menu.label == "ivr" and menu.phrases == 6
    assert menu.after_ms - (menu.initial_silence_ms + menu.greeting_ms) >= limits.wait_ms


def test_whoever_speaks_without_end_is_no_person() -> None:
    limits = usual_limits(machine_ms=8000)
    phrases = [part for _ in range(8) for part in (voice(1.6), quiet(0.4))]
    verdict = verdict_of(*phrases, limits=limits)
    assert (verdict.label, verdict.reason, verdict.after_ms) == ("ivr", "endless_speech", 8000)


def test_too_many_phrases_are_no_person() -> None:
    limits = usual_limits(max_phrases=2, short_pause_ms=700, word_pause_ms=700)
    phrases = [part for _ in range(4) for part in (voice(0.4), quiet(0.4))]
    heard = listen(*phrases, limits=limits)
    assert [one.reason for one in heard if isinstance(one, MachineHeard)] == ["many_phrases"]


def test_nothing_is_silence_also_where_no_packets_come() -> None:
    assert verdict_of(quiet(5.0)).label == "silence"
    detector = AnswerDetector(usual_limits(initial_silence_ms=2000), 0.0)
    assert detector.advance(1900.0) == []
    (verdict,) = detector.advance(2200.0)
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.after_ms) == ("silence", 2000)
    assert detector.is_over


def test_a_pause_without_packets_counts_as_one() -> None:
    detector = AnswerDetector(usual_limits(), 0.0)
    word = voice(0.4)
    for begin in range(0, len(word), 160):
        assert detector.feed(word[begin : begin + 160], (begin + 160) / 8) == []
    (verdict,) = detector.advance(1500.0)
    assert isinstance(verdict, Verdict) and verdict.label == "human"


def test_packets_of_any_length_are_taken() -> None:
    detector = AnswerDetector(usual_limits(), 0.0)
    sound = np.concatenate((voice(0.4), quiet(2.0)))
    found: list[Finding] = []
    for begin in range(0, len(sound), 80):
        found += detector.feed(sound[begin : begin + 80], (begin + 80) / 8)
    assert [one.label for one in found if isinstance(one, Verdict)] == ["human"]


def test_noise_at_the_answer_is_no_greeting() -> None:
    rustle = np.random.default_rng(1).integers(-2000, 2000, 480).astype(np.int16)
    assert verdict_of(rustle, quiet(5.0)).label == "silence"


def words_after(*parts: Sound, text: str, then: Sound, is_final: bool = True) -> list[Finding]:
    """What is found where a recogniser has heard `text` after `parts`."""
    detector = AnswerDetector(usual_limits(), 0.0, BUILT_IN["en"])
    found, at_ms = [], 0.0
    for sound in (np.concatenate(parts), then):
        for begin in range(0, len(sound), 160):
            at_ms += 20
            found += detector.feed(sound[begin : begin + 160], at_ms)
        if text:
            found += detector.hear_words(text, is_final=is_final)
            text = ""
    return found


def test_words_tell_a_mailbox_and_its_beep_is_still_heard() -> None:
    then = np.concatenate((voice(0.4), quiet(0.3), tone(1000.0, 0.4), quiet(0.2)))
    found = words_after(speech(2.0), text="leave a message after the tone", then=then)
    verdict, beep = found
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.reason) == ("voicemail", "words")
    assert 1700 <= verdict.after_ms <= 2100
    assert isinstance(beep, Beep)


def test_words_of_a_machine_count_once_enough_was_said() -> None:
    verdict, *_ = words_after(voice(0.5), text="press one", is_final=False, then=speech(2.5))
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.reason) == ("ivr", "words")
    assert 1450 <= verdict.after_ms <= 1700


def test_a_person_who_asks_who_is_calling_is_a_person() -> None:
    (verdict,) = words_after(voice(1.0), text="who is calling", then=quiet(3.0))
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.reason) == ("human", "short_greeting")


def test_words_tell_a_person_who_speaks_for_long() -> None:
    suspected, verdict = words_after(
        speech(4.6), text="Brown and Sons how can I help you", then=quiet(3.0)
    )
    assert isinstance(suspected, MachineHeard)
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.reason) == ("human", "words")
    assert verdict.after_ms < 5400, "before the wait by which it would be a machine"


def greeted(detector: AnswerDetector, *, told: str | None = None) -> int:
    """When a greeting of a second is known to be a person's."""
    sound = np.concatenate((voice(0.5), quiet(0.08), voice(0.5), quiet(3.0)))
    for begin in range(0, len(sound), 160):
        for one in detector.feed(sound[begin : begin + 160], (begin + 160) / 8):
            if isinstance(one, Verdict):
                assert one.label == "human"
                return one.after_ms
        if told is not None and begin == 160 * 60:
            detector.hear_words(told)
    raise AssertionError("no verdict")


def test_a_recogniser_is_waited_for_no_longer_than_its_limit() -> None:
    limits = usual_limits(words_ms=300)
    alone = greeted(AnswerDetector(limits, 0.0))
    hung = greeted(AnswerDetector(limits, 0.0, BUILT_IN["en"]))
    assert hung == alone + 300
    gone = AnswerDetector(limits, 0.0, BUILT_IN["en"])
    gone.hear_no_words()
    assert greeted(gone) == alone
    assert gone.hear_words("press one") == []
    quick = AnswerDetector(limits, 0.0, BUILT_IN["en"])
    assert greeted(quick, told="Anna Brown") == alone, "it has told of all that was said"


def test_one_word_is_not_waited_for() -> None:
    sound = np.concatenate((voice(0.4), quiet(2.0)))
    times = []
    for phrases in (None, BUILT_IN["en"]):
        detector = AnswerDetector(usual_limits(), 0.0, phrases)
        for begin in range(0, len(sound), 160):
            detector.feed(sound[begin : begin + 160], (begin + 160) / 8)
        assert detector.verdict is not None
        times.append(detector.verdict.after_ms)
    assert times[0] == times[1]


def test_words_without_a_recogniser_tell_nothing() -> None:
    assert AnswerDetector(usual_limits(), 0.0).hear_words("press one") == []


def test_stopped_early_it_does_not_know() -> None:
    detector = AnswerDetector(usual_limits(), 0.0)
    (verdict,) = detector.stop()
    assert isinstance(verdict, Verdict)
    assert (verdict.label, verdict.reason) == ("unknown", "stopped")
    assert detector.stop() == []


def test_music_is_unknown() -> None:
    verdict = verdict_of(render()[: 8 * 8000])
    assert (verdict.label, verdict.reason) == ("unknown", "music")
