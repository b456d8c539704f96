"""What of a late frame the machine made."""

import pytest

from scripts.bench.bystander import ON_NO_CORE, Bystander, Pause
from scripts.bench.c_program import NoCompiler
from scripts.bench.late_frames import TALK, Kinds, Spans, split

MS = 1_000_000


def test_spans_that_overlap_count_once() -> None:
    spans = Spans([(50, 60), (10, 30), (20, 40), (22, 25)])
    assert spans.within(0, 100) == 40
    assert spans.within(15, 55) == 30
    assert spans.within(40, 50) == 0
    assert Spans([]).within(0, 100) == 0


def test_phones_hear_what_was_said_of_their_numbers() -> None:
    kinds = Kinds()
    kinds.add(range(10, 20), "prompt")
    kinds.add(range(20, 23), "mix")
    assert [kinds.of(number) for number in (9, 10, 19, 20, 23)] == [
        TALK,
        "prompt",
        "prompt",
        "mix",
        TALK,
    ]


def test_a_late_frame_is_parted_into_what_the_host_took_what_was_waited_and_the_rest() -> None:
    kinds = Kinds()
    kinds.add(range(1, 2), "prompt")
    frames = [
        {"phone": 7, "number": 1, "late_ns": 10 * MS, "at_ns": 110 * MS},
        {"phone": 8, "number": 2, "late_ns": 3 * MS, "at_ns": 203 * MS},
    ]
    pauses = [
        Pause(0, 98 * MS, 104 * MS),  # it was due at 100
        Pause(1, 103 * MS, 105 * MS),
        Pause(ON_NO_CORE, 104 * MS, 107 * MS),
        Pause(0, 150 * MS, 160 * MS),
    ]
    one, other = split(frames, pauses, kinds)
    assert (one.kind, one.late_ms, one.host_ms, one.waited_ms) == ("prompt", 10.0, 5.0, 7.0)
    assert (one.without_host_ms(), one.own_ms()) == (5.0, 3.0)
    assert (other.kind, other.host_ms, other.own_ms()) == (TALK, 0.0, 3.0)


def test_a_bystander_tells_of_its_pauses_and_forgets_them() -> None:
    try:
        bystander = Bystander()
    except NoCompiler as reason:
        pytest.skip(str(reason))
    with bystander:
        for _ in range(3):
            for pause in bystander.pauses():
                assert pause.which >= ON_NO_CORE
                assert pause.ms > 0
