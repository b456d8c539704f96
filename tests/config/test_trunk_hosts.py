"""Where a trunk is: hosts, outbound_proxy, route and qualify_s."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.sections import Trunk


def trunk(**more: Any) -> Trunk:
    return Trunk.model_validate({"name": "carrier", **more})


def fault(**more: Any) -> tuple[str, str]:
    """The key and the reason of the one fault."""
    with pytest.raises(ValidationError) as caught:
        trunk(**more)
    (one,) = caught.value.errors()
    where = [str(step) for step in one["loc"]]
    return ".".join([*where, *([one["ctx"]["key"]] if one.get("ctx", {}).get("key") else [])]), one[
        "msg"
    ]


def test_hosts_are_tables_or_texts() -> None:
    found = trunk(
        uri="sip:example.com;transport=tls",
        hosts=[
            {"host": "sbc1.example:5061", "priority": 1, "weight": 60},
            "SBC2.example",
            "192.0.2.1:5070;transport=tcp",
            "2001:db8::1",
            "sips:sbc3.example",
        ],
    )
    assert found.host_uris == [
        "sip:sbc1.example:5061;transport=tls",
        "sip:sbc2.example;transport=tls",
        "sip:192.0.2.1:5070;transport=tcp",
        "sip:[2001:db8::1];transport=tls",
        "sips:sbc3.example",
    ]
    assert [(one.priority, one.weight) for one in found.hosts] == [(1, 60)] + [(1, 1)] * 4


def test_without_a_uri_the_first_host_names_the_trunk() -> None:
    hosts = [{"host": "backup.example", "priority": 2}, "one.example", "two.example"]
    assert trunk(hosts=hosts).uri == "sip:one.example"
    assert trunk(hosts=["192.0.2.1"]).sent_to == ["sip:192.0.2.1"]
    assert trunk(hosts="one.example, two.example").sent_to == ["sip:one.example", "sip:two.example"]


def test_every_place_of_a_trunk() -> None:
    found = trunk(
        uri="sip:example.com",
        hosts=["one.example:5070"],
        outbound_proxy="proxy.example",
        route="<sip:core.example;lr>, sip:home.example",
    )
    assert found.places == [
        "sip:example.com", "sip:one.example:5070", "sip:proxy.example", "sip:core.example;lr",
        "sip:home.example",
    ]  # fmt: skip
    assert found.host_names == {
        "example.com", "one.example", "proxy.example", "core.example", "home.example"
    }  # fmt: skip
    assert found.route == ["<sip:core.example;lr>", "<sip:home.example>"]


@pytest.mark.parametrize(
    ("more", "sent_to"),
    [
        ({}, ["sip:example.com"]),
        ({"route": ["sip:edge.example;lr"]}, ["sip:edge.example;lr"]),
        ({"hosts": ["a.example", "b.example"]}, ["sip:a.example", "sip:b.example"]),
        ({"hosts": ["a.example"], "outbound_proxy": "sip:p.example"}, ["sip:p.example"]),
    ],
)
def test_where_requests_are_sent(more: dict[str, Any], sent_to: list[str]) -> None:
    assert trunk(uri="sip:example.com", **more).sent_to == sent_to


@pytest.mark.parametrize("seconds", [0, 1, 30.5, 3600])
def test_qualify_s_accepts(seconds: float) -> None:
    assert trunk(uri="sip:h", qualify_s=seconds).qualify_s == seconds


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({}, "uri"),
        ({"uri": ""}, "uri"),
        ({"hosts": []}, "uri"),
        ({"hosts": ["a b"]}, "hosts"),
        ({"hosts": ["user@host"]}, "hosts"),
        ({"hosts": ["sip:user@host"]}, "hosts"),
        ({"hosts": ["host:0"]}, "hosts"),
        ({"hosts": ["host;transport=ws"]}, "hosts"),
        ({"hosts": ["host", "HOST"]}, "hosts"),
        ({"hosts": [{"host": "h", "priority": -1}]}, "hosts"),
        ({"hosts": [{"host": "h", "weight": 65_536}]}, "hosts"),
        ({"hosts": [{"host": "h", "wieght": 1}]}, "hosts"),
        ({"hosts": [{"priority": 1}]}, "hosts"),
        ({"hosts": 5}, "hosts"),
        ({"hosts": [f"host{number}" for number in range(17)]}, "hosts"),
        ({"uri": "sip:h", "outbound_proxy": "sip:user@proxy"}, "outbound_proxy"),
        ({"uri": "sip:h", "outbound_proxy": "a b"}, "outbound_proxy"),
        ({"uri": "sip:h", "route": ["proxy.example"]}, "route"),
        ({"uri": "sip:h", "route": ["<sip:proxy.example"]}, "route"),
        ({"uri": "sip:h", "route": [f"sip:p{number}" for number in range(9)]}, "route"),
        ({"uri": "sip:h", "qualify_s": 0.5}, "qualify_s"),
        ({"uri": "sip:h", "qualify_s": 3601}, "qualify_s"),
        ({"uri": "sip:h", "qualify_s": -1}, "qualify_s"),
        ({"uri": "sip:h", "qualify_s": float("nan")}, "qualify_s"),
    ],
)
def test_refuses(more: dict[str, Any], key: str) -> None:
    found, _reason = fault(**more)
    assert found.startswith(key)
