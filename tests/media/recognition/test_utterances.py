"""Where what a party says begins and ends."""

from media.recognition.utterances import FRAME_MS, Utterances


def heard(utterances: Utterances, voiced: str) -> list[tuple[int, int, int]]:
    """The utterances of frames, `#` where there is a voice: begin, end, frames."""
    found = []
    for one in voiced:
        utterance = utterances.add_frame(one.encode(), is_voiced=one == "#")
        if utterance is not None:
            found.append((utterances.from_ms, utterances.to_ms, len(utterance)))
    return found


def test_an_utterance_begins_before_its_voice_and_ends_with_a_pause() -> None:
    utterances = Utterances(pause_ms=450)
    (said,) = heard(utterances, "-" * 20 + "#" * 10 + "-" * 20)
    began, ended, frames = said
    assert ended == 30 * FRAME_MS
    assert 5 * FRAME_MS <= began <= 20 * FRAME_MS
    assert frames * FRAME_MS == ended - began + 450
    assert not utterances.is_speaking


def test_a_short_noise_is_none_and_a_short_pause_is_no_end() -> None:
    utterances = Utterances(pause_ms=450)
    assert heard(utterances, "-" * 20 + "###" + "-" * 40) == []
    assert len(heard(utterances, "#" * 10 + "-" * 10 + "#" * 10 + "-" * 15)) == 1


def test_who_does_not_stop_is_cut_after_15_s() -> None:
    utterances = Utterances(pause_ms=450)
    cut = heard(utterances, "#" * (31_000 // FRAME_MS))
    assert [frames * FRAME_MS for _began, _ended, frames in cut] == [15_000, 15_000]
