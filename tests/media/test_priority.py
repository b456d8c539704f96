"""Niceness, which is the session's too where that is its own, short slices, and who goes first."""

import ctypes
import os
import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from media import priority


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    calls: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *call: calls.append(call))
    return calls


@pytest.fixture
def group(tmp_path: Path) -> Path:
    file = tmp_path / "autogroup"
    file.write_text("/autogroup-1 nice 0")
    return file


def test_who_leads_its_session_takes_the_niceness_for_it(
    asked: list[tuple[int, int, int]], group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for_niceness(-10, proc=group.parent)
    assert asked == [(os.PRIO_PROCESS, 0, -10)]
    assert group.read_text() == "-10"


def test_a_shared_session_keeps_its_own(
    asked: list[tuple[int, int, int]], group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid() + 1)
    priority.ask_for_niceness(-10, proc=group.parent)
    assert asked
    assert group.read_text() == "/autogroup-1 nice 0"


def test_without_the_right_nothing_changes(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for_niceness(-10, proc=group.parent)
    assert group.read_text() == "/autogroup-1 nice 0"


def test_a_kernel_without_groups_is_no_error(
    asked: list[tuple[int, int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    priority.ask_for_niceness(-5, proc=tmp_path)
    assert asked and not list(tmp_path.iterdir())


def test_a_thread_and_those_it_starts_run_in_short_slices_where_the_kernel_knows_them() -> None:
    def slices_ns() -> tuple[bool, int, int]:
        asked = priority.ask_for_short_slices()
        started: list[int] = []
        thread = threading.Thread(target=lambda: started.append(slice_ns()))
        thread.start()
        thread.join()
        return asked, slice_ns(), started[0]

    def slice_ns() -> int:
        described = Path(f"/proc/self/task/{threading.get_native_id()}/sched").read_text()
        return next(
            (
                int(line.rpartition(":")[2])
                for line in described.splitlines()
                if line.startswith("se.slice")
            ),
            0,
        )

    if not Path("/proc/self/sched").exists():
        pytest.skip("this kernel does not tell how its threads are scheduled")
    with ThreadPoolExecutor(1) as threads:  # what is asked for lasts for the thread's life
        before = threads.submit(slice_ns).result()
        asked, own, inherited = threads.submit(slices_ns).result()
    assert (own, inherited) == ((priority.SLICE_NS,) * 2 if asked else (before, before))


def test_one_call_asks_for_both(
    asked: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    slices: list[bool] = []
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid() + 1)
    monkeypatch.setattr(priority, "ask_for_short_slices", lambda: slices.append(True))
    priority.run_before_others(-10)
    assert asked == [(os.PRIO_PROCESS, 0, -10)] and slices == [True]


def test_short_slices_keep_the_niceness() -> None:
    def niceness() -> tuple[int, int]:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, 3)
        priority.ask_for_short_slices()
        return os.getpriority(os.PRIO_PROCESS, thread), os.sched_getscheduler(thread)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(niceness).result() == (3, os.SCHED_OTHER)


def test_an_unknown_machine_and_a_kernel_that_refuses_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(priority, "_SYSTEM_CALLS", {platform.machine(): (-1, -1)})
    assert not priority.ask_for_short_slices()
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert not priority.ask_for_short_slices()


def test_a_kernel_that_tells_its_slices_and_takes_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Kernel:
        @staticmethod
        def syscall(number: int, *_more: object) -> int:
            return 0 if number == 1 else -1

    monkeypatch.setattr(priority, "_SYSTEM_CALLS", {platform.machine(): (1, 2)})
    monkeypatch.setattr(ctypes, "CDLL", lambda _name, **_options: Kernel)
    assert not priority.ask_for_short_slices()


class Kernel:
    """Stands in for what threads have used, and how they run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: dict[int, float] = {7: 0.0, 8: 0.0}
        self.asked: list[tuple[int, int | None]] = []
        self.allows = True
        monkeypatch.setattr(priority, "go_first", self._go_first)
        monkeypatch.setattr(priority, "stand_back", self._stand_back)

    def _go_first(self, turn: priority.Turn, thread: int) -> bool:
        if self.allows:
            self.asked.append((thread, turn))
        return self.allows

    def _stand_back(self, niceness: int, thread: int) -> None:
        assert niceness == -10
        self.asked.append((thread, None))

    def second(self, now: float, precedence: priority.Precedence, **used: float) -> None:
        """A second in which the threads were so busy."""
        for frame in range(50):
            precedence.look(now + frame / 50)
        for thread in self.used:
            self.used[thread] += used.get(f"t{thread}", 0.1)


def test_a_thread_that_hardly_rests_goes_first_no_more_until_it_rests_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(monkeypatch)
    precedence = priority.Precedence(-10, kernel.used.__getitem__)
    assert precedence.add(7, priority.Turn.CLOCK) and precedence.add(8, priority.Turn.RELAY)
    assert kernel.asked == [(7, priority.Turn.CLOCK), (8, priority.Turn.RELAY)]
    kernel.asked.clear()
    kernel.second(100.0, precedence, t7=0.5)
    kernel.second(101.0, precedence, t8=0.95)
    assert kernel.asked == []
    kernel.second(102.0, precedence, t8=0.8)
    assert kernel.asked == [(8, None)]
    kernel.second(103.0, precedence, t8=0.7)  # it has no more than it needs, yet
    kernel.second(104.0, precedence)
    assert kernel.asked == [(8, None)]
    kernel.second(105.0, precedence)
    assert kernel.asked == [(8, None), (8, priority.Turn.RELAY)]


def test_who_may_not_go_first_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    kernel.allows = False
    precedence = priority.Precedence(-10, kernel.used.__getitem__)
    assert not precedence.add(7, priority.Turn.CLOCK)
    for second in range(4):
        kernel.second(100.0 + second, precedence, t7=1.0)
    assert kernel.asked == []


def test_a_thread_that_goes_first_leaves_nobody_that_to_inherit_and_may_stand_back() -> None:
    def policies() -> tuple[bool, list[int]]:
        found: list[int] = []

        def note() -> None:
            found.append(os.sched_getscheduler(threading.get_native_id()))

        may = priority.go_first(priority.Turn.HELPER)
        note()
        started = threading.Thread(target=note)
        started.start()
        started.join()
        priority.stand_back(0)
        note()
        return may, [policy & ~os.SCHED_RESET_ON_FORK for policy in found]

    with ThreadPoolExecutor(1) as threads:
        may, found = threads.submit(policies).result()
    assert found == [os.SCHED_RR if may else os.SCHED_OTHER, os.SCHED_OTHER, os.SCHED_OTHER]


def test_without_the_right_nobody_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert not priority.go_first(priority.Turn.RELAY)
    priority.stand_back(0)


def test_the_time_of_a_thread_is_its_own() -> None:
    def used() -> tuple[float, float]:
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return priority.used_s(threading.get_native_id()), time.thread_time()

    with ThreadPoolExecutor(1) as threads:
        told, own = threads.submit(used).result()
    assert told == pytest.approx(own, abs=0.01)
