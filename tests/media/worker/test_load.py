"""How a worker measures how late and how busy it is."""

import pytest

from media.protocol.messages import WorkerLoad
from media.worker.load import FRAMES, LoadMeter
from media.worker.processor_time import ProcessorTime

FRAME_S = 0.02


class Worker:
    """A meter on a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cpu_s = 5.0
        self.thread_s = 9.0
        self.waited_s = 3.0
        self.behind_s = 0.0
        self.meter = LoadMeter(
            lambda _now: self.behind_s,
            clock=lambda: self.now,
            threads=(
                lambda: ProcessorTime(self.cpu_s, self.waited_s),
                lambda: ProcessorTime(self.thread_s),
            ),
        )

    def ticks(self, count: int, *, late_s: float = 0.0, busy: float = 0.0) -> list[WorkerLoad]:
        reports = []
        for _ in range(count):
            self.now += FRAME_S
            self.cpu_s += busy * FRAME_S
            load = self.meter.ticked(self.now - late_s)
            if load is not None:
                reports.append(load)
        return reports


def test_it_reports_once_a_second() -> None:
    worker = Worker()
    assert worker.ticks(FRAMES - 2) == []
    (load,) = worker.ticks(2, busy=0.0)
    assert load.late_ms == pytest.approx(0.0)
    assert load.busy == pytest.approx(0.0)
    assert len(worker.ticks(3 * FRAMES)) == 3


def test_lateness_is_the_average_of_the_ticks() -> None:
    worker = Worker()
    (load,) = worker.ticks(FRAMES, late_s=0.004, busy=0.5)
    assert load.late_ms == pytest.approx(4.0)
    assert load.busy == pytest.approx(0.5)


def test_frames_that_were_skipped_count() -> None:
    worker = Worker()
    worker.meter.skipped(25)
    (load,) = worker.ticks(FRAMES)
    assert load.late_ms == pytest.approx(25 * 20.0 / FRAMES)


def test_packets_that_wait_count() -> None:
    worker = Worker()
    worker.behind_s = 0.3
    (load,) = worker.ticks(FRAMES, late_s=0.001)
    assert load.late_ms == pytest.approx(300.0)


def test_it_reports_also_where_a_tick_takes_long() -> None:
    worker = Worker()
    worker.now += 3.0
    (load,) = worker.ticks(1, late_s=3.0)
    assert load.late_ms == pytest.approx(3000.0)


def test_nobody_is_more_than_busy() -> None:
    worker = Worker()
    (load,) = worker.ticks(FRAMES, busy=1.4)
    assert load.busy == 1.0


def test_the_busiest_thread_counts() -> None:
    worker = Worker()
    worker.ticks(FRAMES - 1, busy=0.2)
    worker.thread_s += 0.6
    (load,) = worker.ticks(1, busy=0.2)
    assert load.busy == pytest.approx(0.6)


def test_what_others_took_of_the_processor_is_not_to_be_had() -> None:
    worker = Worker()
    worker.ticks(FRAMES - 1, busy=0.3)
    worker.waited_s += 0.6
    (load,) = worker.ticks(1, busy=0.3)
    assert load.busy == pytest.approx(0.75)
