"""Strangers are refused, counted, and answered only so often; the log has a line a minute."""

import structlog

from engine.inbound.unknown_sources import ONE, TELL_AGAIN_S, TOGETHER, UnknownSources


def test_one_address_is_answered_only_so_often() -> None:
    strangers = UnknownSources()
    answered = sum(strangers.may_knock("192.0.2.1", 0.0) for _ in range(1000))
    assert answered == ONE.burst
    assert strangers.ignored == 1000 - answered
    assert sum(strangers.may_knock("192.0.2.1", 2.0) for _ in range(1000)) == 10
    assert strangers.may_knock("192.0.2.2", 2.0)


def test_many_addresses_are_not_answered_much_more() -> None:
    strangers = UnknownSources()
    answered = sum(strangers.may_knock(f"10.0.{n >> 8}.{n & 255}", 0.0) for n in range(5000))
    assert answered == TOGETHER.burst
    assert strangers.ignored == 5000 - answered


def test_the_log_has_one_line_a_minute() -> None:
    strangers = UnknownSources()
    with structlog.testing.capture_logs() as lines:
        for n in range(100):
            strangers.refuse("192.0.2.1", n * 0.1)
        strangers.refuse("192.0.2.2", TELL_AGAIN_S)
    assert [(line["host"], line["refused"]) for line in lines] == [
        ("192.0.2.1", 1),
        ("192.0.2.2", 100),
    ]
    assert strangers.refused == 101
