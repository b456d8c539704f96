"""The order of SRV and NAPTR records."""

import random
from collections import Counter

import pytest

from sip.dns.records import Naptr, Record, Srv, in_order, services_of


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


def test_of_naptr_records_those_of_our_services_count() -> None:
    wanted = Naptr(50, 20, "s", "SIP+D2U", "_sip._udp.example")
    better = Naptr(50, 10, "S", "sip+d2t", "_sip._tcp.example")
    records: list[Record] = [
        wanted,
        Naptr(10, 10, "s", "SIPS+D2T", "_sips._tcp.example"),
        Naptr(10, 10, "u", "SIP+D2U", "not.by.srv.example"),
        Naptr(10, 10, "s", "SIP+D2U", ""),
        Srv(1, 1, 1, "something.else"),
        better,
    ]
    assert services_of(records, ("SIP+D2U", "SIP+D2T")) == [better, wanted]
