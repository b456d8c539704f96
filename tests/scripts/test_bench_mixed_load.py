"""What the bench makes of the windows in which one worker does everything."""

import wave
from pathlib import Path
from typing import Any

from scripts.bench import mixed_load_part
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


def test_the_prompt_is_a_minute_of_sound(tmp_path: Path) -> None:
    path = tmp_path / "sounds" / "prompt.wav"
    mixed_load_part._write_prompt(path)
    with wave.open(str(path)) as file:
        assert file.getnframes() == 60 * file.getframerate() == 480_000
