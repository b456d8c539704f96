import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.sound.clip import SILENCE, Clip
from media.sound.frames import SpeakingSources
from media.sound.g711 import SILENCE as SILENT_FRAME


def clip(length: int, seed: int = 0) -> Clip:
    bytes_ = np.random.default_rng(seed).integers(0, 256, 2 * length, np.uint8).tobytes()
    return Clip(bytes_[:length], bytes_[length:])


def test_a_finite_clip_is_padded_with_silence_and_ends_once() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sound = clip(400)
    sources.add_source("a", sound, "PCMA")
    ticks = [sources.tick() for _ in range(4)]
    assert [frames.ended for frames in ticks] == [[], [], ["a"], []]
    assert [frames.keys for frames in ticks] == [["a"], ["a"], ["a"], []]
    heard = b"".join(payload for frames in ticks for payload in frames.payloads)
    assert heard == sound.pcma + SILENT_FRAME["PCMA"][:80]
    assert "a" not in sources and len(sources) == 0


def test_a_clip_of_whole_frames_ends_with_its_last_frame() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sources.add_source("a", clip(320), "PCMU")
    assert sources.tick().ended == []
    frames = sources.tick()
    assert frames.ended == ["a"]
    assert frames.payloads == [clip(320).pcmu[160:]]


@pytest.mark.parametrize("length", [1, 7, 159, 160, 161, 1000])
@pytest.mark.parametrize("start", [0, 3, 12_345])
def test_a_loop_has_no_seam(length: int, start: int) -> None:
    sources: SpeakingSources[int] = SpeakingSources()
    sound = clip(length)
    sources.add_source(1, sound, "PCMU", loop=True, position=start)
    heard = b"".join(sources.tick().payloads[0] for _ in range(20))
    endless = sound.pcmu * (3200 // length + 2)
    assert heard == endless[start % length :][:3200]
    assert sources.position(1) == (start + 3200) % length


def test_hold_music_goes_on_where_it_was() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    music = clip(2000)
    sources.add_source("a", music, "PCMU", loop=True)
    first = sources.tick().payloads[0]
    position = sources.remove_source("a")
    assert position == 160
    sources.add_source("a", clip(160, 1), "PCMU")
    assert sources.tick().ended == ["a"]
    sources.add_source("a", music, "PCMU", loop=True, position=position)
    assert first + sources.tick().payloads[0] == music.pcmu[:320]


def test_a_source_replaces_what_was_heard() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sources.add_source("a", clip(1000, 1), "PCMU")
    sources.tick()
    sources.add_source("a", clip(1000, 2), "PCMA", position=10)
    assert len(sources) == 1
    assert sources.tick().payloads == [clip(1000, 2).pcma[10:170]]


def test_the_codec_may_change_on_the_way() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sound = clip(330)
    sources.add_source("a", sound, "PCMU")
    sources.tick()
    sources.set_form("a", "PCMA")
    sources.set_form("nobody", "PCMA")
    assert sources.tick().payloads == [sound.pcma[160:320]]
    assert sources.tick().payloads == [sound.pcma[320:] + SILENT_FRAME["PCMA"][:150]]


def test_an_empty_clip_and_a_start_beyond_the_end_are_one_frame_of_silence() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sources.add_source("empty", clip(0), "PCMU")
    sources.add_source("looped", clip(0), "PCMU", loop=True)
    sources.add_source("late", clip(100), "PCMU", position=500)
    frames = sources.tick()
    assert frames.payloads == [SILENT_FRAME["PCMU"]] * 3
    assert sorted(frames.ended) == ["empty", "late", "looped"]


def test_silence_is_a_clip() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    sources.add_source("a", SILENCE, "PCMA", loop=True)
    assert {sources.tick().payloads[0] for _ in range(5)} == {SILENT_FRAME["PCMA"]}


def test_frames_of_a_tick_do_not_change_when_sources_do() -> None:
    sources: SpeakingSources[int] = SpeakingSources()
    for key in range(5):
        sources.add_source(key, clip(1000, key), "PCMU")
    frames = sources.tick()
    for key in frames.keys:
        sources.remove_source(key)
        sources.add_source(key + 10, clip(500, key), "PCMA")
    assert frames.keys == [0, 1, 2, 3, 4]
    assert frames.payloads == [clip(1000, key).pcmu[:160] for key in range(5)]
    assert sorted(sources.tick().keys) == [10, 11, 12, 13, 14]


def test_wrong_codec_or_position_changes_nothing() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    with pytest.raises(ValueError, match="no form G729"):
        sources.add_source("a", clip(160), "G729")
    with pytest.raises(ValueError, match="negative"):
        sources.add_source("a", clip(160), "PCMU", position=-1)
    assert len(sources) == 0
    assert sources.remove_source("a") is None
    assert sources.position("a") is None


Step = tuple[str, int, int, bool, str]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "tick"]),
        st.integers(0, 100),
        st.integers(1, 700),
        st.booleans(),
        st.sampled_from(["PCMU", "PCMA"]),
    ),
    max_size=150,
)


@given(STEPS)
def test_each_listener_hears_their_clip_whatever_the_others_do(steps: list[Step]) -> None:
    sources: SpeakingSources[int] = SpeakingSources()
    expected: dict[int, tuple[bytes, bool]] = {}
    heard: dict[int, bytes] = {}

    def check(key: int) -> None:
        sound, loop = expected.pop(key)
        got = heard.pop(key)
        if loop:
            assert got == (sound * (len(got) // len(sound) + 1))[: len(got)]
        else:
            assert got[: len(sound)] == sound[: len(got)]

    for action, key, length, loop, codec in [*steps, *[("tick", 0, 1, False, "")] * 3]:
        if action == "add":
            if key in expected:
                check(key)
            sound = clip(length, key)
            sources.add_source(key, sound, codec, loop=loop)
            expected[key] = (sound.payload(codec), loop)
            heard[key] = b""
        elif action == "remove":
            assert (sources.remove_source(key) is not None) == (key in expected)
            if key in expected:
                check(key)
        else:
            frames = sources.tick()
            assert sorted(frames.keys) == sorted(expected)
            for listener, payload in zip(frames.keys, frames.payloads, strict=True):
                assert len(payload) == 160
                heard[listener] += payload
            for listener in frames.ended:
                assert not expected[listener][1]
                assert len(heard[listener]) >= len(expected[listener][0])
                check(listener)
    assert len(sources) == len(expected)


def test_very_many_listen_at_once() -> None:
    sources: SpeakingSources[int] = SpeakingSources()
    for number in range(300):
        sources.add_source(number, clip(160, seed=number), "PCMU")
    frames = sources.tick()
    assert frames.keys == frames.ended == list(range(300))
    assert frames.payloads == [clip(160, seed=number).pcmu for number in range(300)]
