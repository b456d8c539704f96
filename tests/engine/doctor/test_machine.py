"""The kernel and the processors, of machines that are made of files."""

from pathlib import Path

import pytest

from engine.doctor.finding import Finding
from engine.doctor.machine import Machine, clock_state

GOOD = {
    "proc/self/limits": "Limit  Soft  Hard  Units\nMax open files            1024  65536  files\n"
    "Max realtime priority     0  3\n",
    "proc/self/status": "Name:\tringback\nCapEff:\t0000000000000000\n",
    "proc/sys/net/core/rmem_max": "8388608\n",
    "proc/sys/net/core/somaxconn": "4096\n",
    "proc/stat": "cpu  100 0 100 800 0 0 0 5 0 0\ncpu0 1\n",
    "proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 4096000 kB\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
}


def found(
    root: Path,
    changed: dict[str, str] | None = None,
    *,
    workers: int = 0,
    clock: int | None = 0,
) -> list[Finding]:
    names = {Path(path).name: path for path in GOOD}
    files = GOOD | {names[name]: text for name, text in (changed or {}).items()}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return list(Machine(root, clock=lambda: clock).findings(1000, workers))


def bad(findings: list[Finding]) -> list[tuple[str, str]]:
    assert all(one.advice for one in findings if one.level != "ok")
    return [(one.about, one.level) for one in findings if one.level != "ok"]


def test_good_machine_has_nothing_to_be_done(tmp_path: Path) -> None:
    findings = found(tmp_path)
    assert bad(findings) == []
    assert {one.about for one in findings} == {
        "open files", "packets", "buffers", "processors", "memory", "clock",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "about", "level", "words"),
    [
        ({"limits": "Max open files  1024  4096  files"}, "open files", "warning", "632 calls"),
        ({"limits": "Max realtime priority  0  2"}, "packets", "note", "SCHED_RR"),
        ({"rmem_max": "212992"}, "buffers", "warning", "212992"),
        ({"somaxconn": "128"}, "buffers", "note", "128"),
        ({"stat": "cpu  100 0 100 700 0 0 0 100 0 0"}, "processors", "warning", "10.0 %"),
        ({"scaling_governor": "powersave"}, "processors", "note", "powersave"),
        ({"meminfo": "MemAvailable: 102400 kB"}, "memory", "warning", "100 MiB"),
        ({"current_clocksource": "hpet"}, "clock", "warning", "hpet"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    tmp_path: Path, changed: dict[str, str], about: str, level: str, words: str
) -> None:
    findings = found(tmp_path, changed)
    assert bad(findings) == [(about, level)]
    (one,) = (one for one in findings if one.level != "ok")
    assert words in one.what


def test_clock_that_is_not_kept_right(tmp_path: Path) -> None:
    assert bad(found(tmp_path, clock=5)) == [("clock", "warning")]
    assert bad(found(tmp_path, clock=None)) == []
    assert clock_state() in range(6)


def test_more_workers_than_processors(tmp_path: Path) -> None:
    assert bad(found(tmp_path, workers=10_000)) == [("processors", "warning")]


def test_who_may_change_priorities_needs_no_limit_for_packets(tmp_path: Path) -> None:
    limits = "Max realtime priority  0  0"
    changed = {"limits": limits, "status": "Name:\tringback\nCapEff:\t0000000000800000\n"}
    assert bad(found(tmp_path, changed)) == []
    changed["status"] = "CapEff:\t00000000007fffff\n"
    assert bad(found(tmp_path, changed)) == [("packets", "note")]


def test_limits_may_be_unlimited_and_files_missing(tmp_path: Path) -> None:
    limits = (
        "Max open files  unlimited  unlimited  files\nMax realtime priority  unlimited  unlimited"
    )
    assert bad(found(tmp_path, {"limits": limits})) == []
    nothing = Machine(tmp_path / "nowhere", pid=1, clock=lambda: None)
    assert [one.about for one in nothing.findings(1, 0)] == ["processors"]
