"""Niceness, which is the session's too where that is its own, short slices, and who goes first."""

import ctypes
import os
import platform
import threading
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
    """Stands in for what the process has used, and for how its threads run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
        self.used_s = 0.0
        self.first = {7: priority.Turn.CLOCK, 8: priority.Turn.RELAY}
        self.asked: list[tuple[int, int | None]] = []
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
        monkeypatch.setattr(priority, "first_of", lambda: dict(self.first))
        monkeypatch.setattr(priority, "go_first", self._go_first)
        monkeypatch.setattr(priority, "stand_back", self._stand_back)
        self.precedence = priority.Precedence(-10, lambda: self.used_s)
        self.now = 100.0
        self.precedence.look(self.now)

    def _go_first(self, turn: priority.Turn, thread: int) -> bool:
        self.asked.append((thread, turn))
        self.first[thread] = turn
        return True

    def _stand_back(self, niceness: int, thread: int) -> None:
        assert niceness == -10
        self.asked.append((thread, None))
        del self.first[thread]

    def second(self, used_s: float) -> list[tuple[int, int | None]]:
        """What is asked for after a second in which the process used so much, of all processors."""
        self.asked.clear()
        self.used_s += used_s
        for _frame in range(51):
            self.now += 0.02
            self.precedence.look(self.now)
        return self.asked


@pytest.mark.parametrize("processors", [1, 2])
def test_a_process_that_hardly_rests_goes_first_no_more_until_it_rests_again(
    processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(monkeypatch, processors)
    assert kernel.second(0.75 * processors) == []
    assert kernel.second(0.85 * processors) == [(7, None), (8, None)]
    kernel.first[9] = priority.Turn.HELPER  # a thread that was started since
    assert kernel.second(0.6 * processors) == [(9, None)]  # it has no more than it needs, yet
    back = [(7, priority.Turn.CLOCK), (8, priority.Turn.RELAY), (9, priority.Turn.HELPER)]
    assert kernel.second(0.4 * processors) == back
    assert kernel.second(0.4 * processors) == []


def test_the_threads_that_go_first_are_found() -> None:
    def found() -> tuple[bool, dict[int, priority.Turn], int]:
        may = priority.go_first(priority.Turn.HELPER)
        return may, priority.first_of(), threading.get_native_id()

    with ThreadPoolExecutor(1) as threads:
        may, first, thread = threads.submit(found).result()
    assert first.get(thread) == (priority.Turn.HELPER if may else None)


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
