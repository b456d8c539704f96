"""What the bench makes of the windows in which one worker does everything."""

import wave
from pathlib import Path
from typing import Any

from scripts.bench import mixed_load_part
from scripts.bench.bystander import ON_NO_CORE, Pause
from scripts.bench.late_frames import SplitFrame
from scripts.bench.report import Report


def window(**figures: float) -> dict[str, Any]:
    usual = dict.fromkeys(
        ("delay_p50_ms", "delay_p99_ms", "frame_late_p99_ms", "frame_late_max_ms", "breaks"), 0.0
    )
    more = {"engine_frames": 100, "worker_percent": 40.0, "sender_late_max_ms": 0.1}
    return usual | more | figures


def test_one_late_frame_and_one_break_miss_the_target() -> None:
    report = Report()
    windows = [window(delay_p99_ms=1.0)] * 4
    windows.append(window(delay_p99_ms=2.0, frame_late_max_ms=6.0, breaks=1))
    mixed_load_part._add(report, "all", windows)
    met = {item.name: item.met for item in report.figures}
    assert met["delay p99"] is True
    assert met["latest frame"] is False
    assert met["breaks in RTP sequence"] is False
    assert "late by 0.1 ms" in report.notes[0]


def test_windows_in_which_the_load_peer_was_late_itself_are_told_from_the_others() -> None:
    report = Report()
    windows = [
        window(frame_late_max_ms=3.0),
        window(frame_late_max_ms=40.0, sender_late_max_ms=35.0),
    ]
    mixed_load_part._add(report, "all", windows)
    found = {item.name: item for item in report.figures}
    assert found["latest frame"].value == 40.0
    assert found["latest frame of each window"].high == 40.0
    assert found["latest frame of each such window"].high == 3.0
    assert "1 windows" in found["latest frame of each such window"].note


def test_late_frames_are_told_by_kind_and_without_what_the_machine_took() -> None:
    report = Report()
    frames = [
        SplitFrame(mixed_load_part.PROMPT, 9.0, 7.0, 8.0),
        SplitFrame(mixed_load_part.MIX, 6.0, 0.0, 2.0),
    ]
    pauses = [Pause(0, 0, 7_000_000), Pause(ON_NO_CORE, 0, 8_000_000)]
    windows = [window(frame_late_max_ms=9.0) | {"split": frames, "pauses": pauses}]
    windows.append(window() | {"split": [], "pauses": []})
    mixed_load_part._add(report, "all", windows)
    found = {item.name: (item.low, item.high, item.note) for item in report.figures}
    assert found["latest frame, prompt"] == (9.0, 9.0, "1 later than 5 ms")
    assert found["latest frame, mix"] == (6.0, 6.0, "1 later than 5 ms")
    assert found["latest frame, bot stream"] == (0.0, 0.0, "0 later than 5 ms")
    without = "latest frame of each window, without "
    assert found[without + "the times in which a core was away"] == (
        0.0,
        6.0,
        "1 frames later than 5 ms",
    )
    late_too = "those in which a thread that does nothing was late too"
    assert found[without + late_too] == (0.0, 4.0, "0 frames later than 5 ms")
    assert found["a core away for, at most in each window"][1] == 7.0
    assert found["a thread that does nothing late by, at most in each window"][1] == 8.0


def test_the_prompt_is_a_minute_of_sound(tmp_path: Path) -> None:
    path = tmp_path / "sounds" / "prompt.wav"
    mixed_load_part._write_prompt(path)
    with wave.open(str(path)) as file:
        assert file.getnframes() == 60 * file.getframerate() == 480_000
