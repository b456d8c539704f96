"""What is counted for Prometheus, and that its text is what Prometheus reads."""

import asyncio
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from engine.control.metrics import LOOP_PERIOD_S, Figure, LoopDelay, Metrics
from engine.reports.cdr import Stay
from tests.support.virtual_loop import run


def read(metrics: Metrics, *figures: Figure) -> dict[tuple[str, tuple[str, ...]], float]:
    text = metrics.text([*metrics.totals(), *figures]).decode()
    return {
        (sample.name, tuple(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def stay(**changed: Any) -> Stay:
    given: dict[str, Any] = {"id": "s1", "entry": "j1", "kind": "call", "queue": "sales"}
    return Stay(**(given | {"joined_at": 100.0} | changed))


def row(**changed: Any) -> dict[str, Any]:
    return {
        "kind": "callback", "state": "completed", "result": "completed", "attempts": 2,
        "due_at": 100.0, "operator_at": 104.0, "talk_at": 112.0, "talk_s": 61.0,
    } | changed  # fmt: skip


def test_events_and_legs_are_counted_by_kind_alone() -> None:
    metrics = Metrics()
    metrics.watch({"type": "leg.ended", "leg": "l1", "role": "agent", "result": "busy"})
    metrics.watch({"type": "leg.ended", "leg": "l2", "role": "agent", "result": "busy"})
    metrics.watch({"type": "callback.queued", "job": "j1"})
    found = read(metrics)
    assert found["ringback_events_total", ("leg.ended",)] == 2
    assert found["ringback_events_total", ("callback.queued",)] == 1
    assert found["ringback_legs_ended_total", ("busy", "agent")] == 2


def test_a_stay_counts_when_it_begins_and_once_when_it_ends() -> None:
    metrics = Metrics()
    metrics.on_stay(stay())
    ended = stay(left_at=112.0, waited_s=12.0, result="answered")
    metrics.on_stay(ended)
    ended.talk_s = 30.0
    metrics.on_stay(ended)  # given again, now that the talk is over
    metrics.on_stay(stay(left_at=101.0, waited_s=1.0, result="abandoned"))
    found = read(metrics)
    assert found["ringback_queue_joined_total", ("sales",)] == 1
    assert found["ringback_queue_left_total", ("sales", "answered")] == 1
    assert found["ringback_queue_left_total", ("sales", "abandoned")] == 1
    assert found["ringback_queue_wait_seconds_count", ("sales",)] == 1
    assert found["ringback_queue_wait_seconds_sum", ("sales",)] == 12
    assert found["ringback_queue_wait_seconds_bucket", ("10.0", "sales")] == 0
    assert found["ringback_queue_wait_seconds_bucket", ("20.0", "sales")] == 1


def test_records_of_callbacks_and_calls() -> None:
    metrics = Metrics()
    metrics.on_record(row())
    metrics.on_record(row(state="failed", result="busy", operator_at=None, talk_at=None,
                          talk_s=None))  # fmt: skip
    metrics.on_record(row(kind="call", result="completed", talk_s=5.0))
    found = read(metrics)
    assert found["ringback_callbacks_ended_total", ("completed", "completed")] == 1
    assert found["ringback_callbacks_ended_total", ("busy", "failed")] == 1
    assert found["ringback_calls_ended_total", ("completed",)] == 1
    assert found["ringback_callback_attempts_total", ()] == 4
    assert found["ringback_callback_to_operator_seconds_sum", ()] == 4
    assert found["ringback_callback_to_talk_seconds_sum", ()] == 12
    assert found["ringback_talk_seconds_count", ("callback",)] == 1
    assert found["ringback_talk_seconds_sum", ("call",)] == 5


def test_figures_of_the_moment_come_along_and_are_escaped() -> None:
    figure = Figure("trunk_usable", "usable\nor not", {('p"b\\x\n',): 1.0}, ("trunk",))
    found = read(Metrics(), figure)
    assert found["ringback_trunk_usable", ('p"b\\x\n',)] == 1
    assert found["process_start_time_seconds", ()] > 1e9


def test_a_loop_that_is_not_held_up_has_no_delay() -> None:
    async def idle() -> float:
        delay = LoopDelay()
        delay.start()
        await asyncio.sleep(10 * LOOP_PERIOD_S)
        delay.stop()
        await asyncio.sleep(10 * LOOP_PERIOD_S)
        return delay.take_worst()

    assert run(idle()) < 1e-6


async def test_what_holds_the_loop_up_is_counted_once() -> None:
    loop = asyncio.get_running_loop()
    delay = LoopDelay()
    delay.start()
    began = loop.time()
    while loop.time() - began < LOOP_PERIOD_S + 0.1:  # nothing else has its turn
        pass
    await asyncio.sleep(0.01)
    assert 0.05 < delay.take_worst() < 5.0
    assert delay.take_worst() == 0.0
    delay.stop()
