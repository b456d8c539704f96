"""Which requests go by TCP for their size. What follows: scenarios/test_large_requests.py."""

import pytest

from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import parse_uri
from sip.transaction.large_requests import NO_TCP_S, LargeRequests

HOP = Hop("udp", "192.0.2.2", 5060)
TCP = HOP._replace(transport="tcp")


def request(size: int, uri: str = "sip:bob@192.0.2.2") -> Request:
    made = Request("MESSAGE", parse_uri(uri), (), b"x" * size)
    made.add_field("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    made.add_field("Call-ID", "a")
    return made


def large(has_tcp: bool = True) -> LargeRequests:
    return LargeRequests(lambda hop, branch: f"{hop.transport} {branch}" if has_tcp else None)


def test_via_alone_is_changed() -> None:
    found = large().by_tcp(request(1_300), "z9hG4bK1", HOP, 0.0)
    assert found is not None
    changed, hop = found
    assert hop == TCP
    assert changed.headers() == [("Via", "tcp z9hG4bK1"), ("Call-ID", "a")]
    assert changed.body == b"x" * 1_300


@pytest.mark.parametrize(
    ("size", "uri", "hop", "has_tcp"),
    [
        (900, "sip:bob@192.0.2.2", HOP, True),
        (1_300, "sip:bob@192.0.2.2;transport=udp", HOP, True),
        (1_300, "sip:bob@192.0.2.2", TCP, True),
        (1_300, "sip:bob@192.0.2.2", HOP, False),
    ],
)
def test_what_goes_as_it_is(size: int, uri: str, hop: Hop, has_tcp: bool) -> None:
    assert large(has_tcp).by_tcp(request(size, uri), "z9hG4bK1", hop, 0.0) is None


def test_peer_without_tcp_is_tried_again_after_a_while() -> None:
    requests = large()
    requests.failed(TCP, 0.0)
    assert requests.by_tcp(request(1_300), "z9hG4bK1", HOP, NO_TCP_S - 1) is None
    assert requests.by_tcp(request(1_300), "z9hG4bK1", HOP, NO_TCP_S) is not None
