"""Unknown sources are refused, counted, and answered only so often; the log has a line a minute."""

import structlog

from engine.inbound.unknown_sources import LOG_AGAIN_S, ONE, TOGETHER, UnknownSources


def test_one_address_is_answered_only_so_often() -> None:
    unknown = UnknownSources()
    answered = sum(unknown.may_answer("192.0.2.1", 0.0) for _ in range(1000))
    assert answered == ONE.burst
    assert unknown.ignored == 1000 - answered
    assert sum(unknown.may_answer("192.0.2.1", 2.0) for _ in range(1000)) == 10
    assert unknown.may_answer("192.0.2.2", 2.0)


def test_many_addresses_are_not_answered_much_more() -> None:
    unknown = UnknownSources()
    answered = sum(unknown.may_answer(f"10.0.{n >> 8}.{n & 255}", 0.0) for n in range(5000))
    assert answered == TOGETHER.burst
    assert unknown.ignored == 5000 - answered


def test_the_log_has_one_line_a_minute() -> None:
    unknown = UnknownSources()
    with structlog.testing.capture_logs() as lines:
        for n in range(100):
            unknown.count_refused("192.0.2.1", n * 0.1)
        unknown.count_refused("192.0.2.2", LOG_AGAIN_S)
    assert [(line["host"], line["refused"]) for line in lines] == [
        ("192.0.2.1", 1),
        ("192.0.2.2", 100),
    ]
    assert unknown.refused == 101
