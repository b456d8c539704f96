"""What a thread could have used of the processor."""

import threading
import time
from pathlib import Path

import pytest

from media.worker.processor_time import ProcessorTime, of_thread


def test_a_thread_alone_is_as_busy_as_it_used_its_processor() -> None:
    assert ProcessorTime(1.5).busy_since(ProcessorTime(1.0), 2.0) == pytest.approx(0.25)


def test_the_time_in_which_others_ran_is_not_counted() -> None:
    before, now = ProcessorTime(1.0, 10.0), ProcessorTime(1.4, 10.5)
    assert now.busy_since(before, 1.0) == pytest.approx(0.8)


def test_no_thread_is_more_than_busy() -> None:
    assert ProcessorTime(1.4, 0.9).busy_since(ProcessorTime(1.0), 1.0) == pytest.approx(1.0)
    assert ProcessorTime(1.0, 2.0).busy_since(ProcessorTime(1.0), 1.0) == 0.0


def test_it_is_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "schedstat").write_text("123 2500000000 9\n")
    assert of_thread(7, lambda: 4.0, tmp_path)() == (4.0, 2.5)
    (tmp_path / "7" / "schedstat").write_text("nothing\n")
    assert of_thread(7, lambda: 4.0, tmp_path)() == (4.0, 0.0)
    assert of_thread(8, lambda: 4.0, tmp_path)() == (4.0, 0.0)


def test_a_thread_of_this_process_is_measured() -> None:
    measured = of_thread(threading.get_native_id(), time.thread_time)
    before = measured()
    sum(range(200_000))
    now = measured()
    assert now.used_s > before.used_s
    assert now.waited_s >= before.waited_s
