"""The hosts of a trunk: what requests name, where they go, and in which order."""

import random
from collections import Counter
from typing import Any

import pytest

from config.sections import Trunk
from engine.routing.hosts.trunk_hosts import TrunkHost, hosts_of, in_turn


def trunk(**more: Any) -> Trunk:
    return Trunk.model_validate({"name": "carrier", **more})


def shown(host: TrunkHost) -> tuple[str, str, tuple[str, ...]]:
    """The request URI of a number, where it is sent, and by which Route."""
    return host.uri_of("+442079460123"), host.sent_to, host.route


def test_a_trunk_without_hosts_is_its_uri() -> None:
    (host,) = hosts_of(trunk(uri="sip:example.com:5070;transport=tcp"))
    assert shown(host) == (
        "sip:+442079460123@example.com:5070;transport=tcp", "sip:example.com:5070;transport=tcp", ()
    )  # fmt: skip
    assert host.name == "sip:example.com:5070;transport=tcp"


def test_requests_name_the_uri_and_go_to_the_hosts() -> None:
    found = hosts_of(
        trunk(
            uri="sip:example.com;transport=tls",
            hosts=["one.example", {"host": "192.0.2.1:5070;transport=udp", "weight": 3}],
        )
    )
    assert [shown(host) for host in found] == [
        ("sip:+442079460123@example.com;transport=tls", "sip:one.example;transport=tls", ()),
        ("sip:+442079460123@example.com;transport=tls", "sip:192.0.2.1:5070;transport=udp", ()),
    ]
    assert [(host.priority, host.weight) for host in found] == [(1, 1), (1, 3)]


@pytest.mark.parametrize("uri", [{}, {"uri": "sip:192.0.2.2"}])
def test_without_a_name_of_its_own_each_host_is_named(uri: dict[str, str]) -> None:
    found = hosts_of(trunk(hosts=["192.0.2.1:5070", "192.0.2.2", "2001:db8::1"], **uri))
    assert [shown(host)[:2] for host in found] == [
        ("sip:+442079460123@192.0.2.1:5070", "sip:192.0.2.1:5070"),
        ("sip:+442079460123@192.0.2.2", "sip:192.0.2.2"),
        ("sip:+442079460123@[2001:db8::1]", "sip:[2001:db8::1]"),
    ]
    assert found[0].registrar("ringback").aor == "sip:ringback@192.0.2.1"


def test_an_outbound_proxy_is_sent_everything() -> None:
    (host,) = hosts_of(trunk(uri="sip:example.com", outbound_proxy="sip:proxy.example:5070;lr"))
    assert shown(host)[1:] == ("sip:proxy.example:5070;lr", ("<sip:proxy.example:5070;lr>",))
    (host,) = hosts_of(
        trunk(uri="sip:example.com", outbound_proxy="proxy.example", route="sip:core.example;lr")
    )
    assert shown(host) == (
        "sip:+442079460123@example.com", "sip:proxy.example",
        ("<sip:proxy.example;lr>", "<sip:core.example;lr>"),
    )  # fmt: skip


def test_a_proxy_finds_each_host_by_its_route_or_by_the_request_uri() -> None:
    named = hosts_of(
        trunk(uri="sip:example.com", hosts=["one.example"], outbound_proxy="proxy.example")
    )
    assert shown(named[0]) == (
        "sip:+442079460123@example.com", "sip:proxy.example",
        ("<sip:proxy.example;lr>", "<sip:one.example;lr>"),
    )  # fmt: skip
    alone = hosts_of(trunk(hosts=["one.example"], outbound_proxy="proxy.example"))
    assert shown(alone[0]) == (
        "sip:+442079460123@one.example", "sip:proxy.example", ("<sip:proxy.example;lr>",)
    )  # fmt: skip


def test_a_fixed_route_leads_to_its_first_proxy_unless_hosts_do() -> None:
    route = ["<sip:edge.example;lr>", "sip:core.example"]
    (host,) = hosts_of(trunk(uri="sip:example.com", route=route))
    assert shown(host)[1:] == (
        "sip:edge.example;lr", ("<sip:edge.example;lr>", "<sip:core.example>")
    )  # fmt: skip
    (host,) = hosts_of(trunk(uri="sip:example.com", route=route, hosts=["192.0.2.1"]))
    assert shown(host)[1:] == (
        "sip:192.0.2.1", ("<sip:edge.example;lr>", "<sip:core.example>")
    )  # fmt: skip


def test_hosts_are_tried_by_priority_and_share_by_weight() -> None:
    found = hosts_of(
        trunk(
            hosts=[
                {"host": "backup.example", "priority": 2},
                {"host": "one.example", "weight": 60},
                {"host": "two.example", "weight": 40},
            ]
        )
    )
    rng = random.Random(7)
    orders = [
        tuple(host.domain.host for host in in_turn(found, rng, lambda _host: False))
        for _ in range(2_000)
    ]
    assert all(order[-1] == "backup.example" for order in orders)
    first = Counter(order[0] for order in orders)
    assert 1_100 < first["one.example"] < 1_300
    assert first["two.example"] == 2_000 - first["one.example"]


def test_a_host_that_is_down_is_left_out_unless_all_are() -> None:
    found = hosts_of(trunk(hosts=["one.example", "two.example"]))
    rng = random.Random(7)
    down = {"sip:one.example"}
    assert [host.name for host in in_turn(found, rng, down.__contains__)] == ["sip:two.example"]
    down.add("sip:two.example")
    assert {host.name for host in in_turn(found, rng, down.__contains__)} == down
