"""The order of SRV records."""

import random
from collections import Counter

import pytest

from sip.transport.dns.records import Srv
from sip.transport.dns.srv_order import in_order


def test_lower_priorities_come_first() -> None:
    records = [Srv(20, 0, 5060, "b"), Srv(10, 0, 5060, "a"), Srv(30, 9, 5060, "c")]
    assert [record.target for record in in_order(records, random.Random(1))] == ["a", "b", "c"]


def test_weights_share_the_first_place() -> None:
    rng = random.Random(1)
    records = [Srv(1, 60, 1, "a"), Srv(1, 30, 1, "b"), Srv(1, 10, 1, "c"), Srv(1, 0, 1, "never")]
    first = Counter(in_order(records, rng)[0].target for _ in range(10_000))
    for target, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
        assert first[target] / 10_000 == pytest.approx(share, abs=0.03)
    assert first["never"] < 20


def test_records_without_weight_are_all_there() -> None:
    records = [Srv(1, 0, 1, name) for name in "abcd"]
    assert sorted(in_order(records, random.Random(3))) == sorted(records)
