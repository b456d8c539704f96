"""What is asked of the disk is done elsewhere, in order, and nobody waits for it for ever."""

import subprocess
import sys
import threading

import pytest

from media.worker.recording.disk_thread import DiskThread


def test_one_thing_after_the_other_in_another_thread() -> None:
    disk, done = DiskThread("recorder"), list[tuple[int, str]]()
    futures = [
        disk.ask(lambda number=number: done.append((number, threading.current_thread().name)))  # type: ignore[misc]
        for number in range(20)
    ]
    assert [future.result(10) for future in futures] == [None] * 20
    assert done == [(number, "recorder") for number in range(20)]
    assert disk.close(10)


def test_a_failure_is_reported_and_does_not_end_the_thread() -> None:
    disk = DiskThread("recorder")

    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        disk.ask(fail).result(10)
    assert disk.ask(lambda: None).result(10) is None
    assert disk.close(10)


def test_what_was_given_up_before_its_turn_is_left_out() -> None:
    disk, answers, done = DiskThread("recorder"), threading.Event(), list[str]()
    disk.ask(lambda: done.append("first") if answers.wait(10) else None)
    second = disk.ask(lambda: done.append("second"))
    third = disk.ask(lambda: done.append("third"))
    assert second.cancel()
    answers.set()
    third.result(10)
    assert done == ["first", "third"]
    assert disk.close(10)


def test_close_waits_for_what_was_asked_until_its_deadline() -> None:
    disk, answers, done = DiskThread("recorder"), threading.Event(), list[str]()
    disk.ask(lambda: done.append("late") if answers.wait(10) else None)
    assert not disk.close(0.0)
    assert done == []
    answers.set()
    assert disk.close(10)
    assert done == ["late"]


def test_one_that_was_never_used_has_nothing_to_close() -> None:
    assert DiskThread("recorder").close(0.0)


def test_a_disk_that_hangs_does_not_keep_the_process_from_ending() -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import threading\n"
            "from media.worker.recording.disk_thread import DiskThread\n"
            "disk, began = DiskThread('recorder'), threading.Event()\n"
            "disk.ask(lambda: (began.set(), threading.Event().wait()))\n"
            "began.wait()\n"
            "assert not disk.close(0.0)\n",
        ],
        check=True,
        timeout=60,
    )
