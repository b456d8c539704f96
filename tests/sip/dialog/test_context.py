"""Identity and the table of sessions."""

import random

import pytest

from sip.dialog.context import UserAgentContext
from sip.hop import Hop
from sip.message.message import Request
from sip.message.parser import parse
from sip.transaction.timers import TimerValues
from tests.support.sip.network import SimulatedNetwork, established, pair, within

UDP = Hop("udp", "192.0.2.9", 5060)
TCP = Hop("tcp", "192.0.2.9", 5060)


def context(**local: tuple[str, int]) -> UserAgentContext:
    return UserAgentContext(local, TimerValues(), "Ringback", random.Random(1))  # type: ignore[arg-type]


def test_via_and_contact_follow_the_transport() -> None:
    both = context(udp=("192.0.2.1", 5060), tcp=("2001:db8::1", 5061))
    assert both.via(UDP, "z9hG4bK1") == "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1"
    assert both.via(TCP, "z9hG4bK1") == "SIP/2.0/TCP [2001:db8::1]:5061;rport;branch=z9hG4bK1"
    assert both.contact(UDP) == "<sip:ringback@192.0.2.1:5060>"
    assert both.contact(TCP) == "<sip:ringback@[2001:db8::1]:5061;transport=tcp>"
    assert both.contact(TCP, "a b") == "<sip:a%20b@[2001:db8::1]:5061;transport=tcp>"


def test_via_of_a_transport_without_listener_has_the_address_of_another() -> None:
    assert context(udp=("192.0.2.1", 5060)).via(TCP, "b").startswith("SIP/2.0/TCP 192.0.2.1:5060;")


def test_contact_names_a_transport_that_listens() -> None:
    only_udp = context(udp=("192.0.2.1", 5060))
    assert only_udp.contact(TCP) == "<sip:ringback@192.0.2.1:5060;transport=udp>"
    assert only_udp.contact(TCP, "a") == "<sip:a@192.0.2.1:5060;transport=udp>"
    assert only_udp.contact(UDP) == "<sip:ringback@192.0.2.1:5060>"
    only_tcp = context(tcp=("192.0.2.1", 5060))
    assert only_tcp.contact(UDP) == "<sip:ringback@192.0.2.1:5060;transport=tcp>"


@pytest.mark.parametrize("name", ["new_branch", "new_tag", "new_call_id"])
def test_identifiers_are_random_and_branches_have_the_cookie(name: str) -> None:
    seeded = (UserAgentContext({}, TimerValues(), "R", random.Random(seed)) for seed in range(500))
    made = {getattr(one, name)() for one in seeded}
    assert len(made) == 500
    if name == "new_branch":
        assert all(branch.startswith("z9hG4bK") for branch in made)


def test_sessions_are_found_by_call_id_and_both_tags() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    table = alice.ua.context
    request = parse(within(call, "BYE"))
    assert isinstance(request, Request)
    assert table.session_for(request) is call
    assert table.knows_call(call.call_id)
    assert table.sessions() == [call]
    request.set("From", "<sip:eve@192.0.2.6>;tag=eve")
    assert table.session_for(request) is None
    table.forget_session(call)
    table.forget_session(call)
    assert (table.session_count, table.sessions()) == (0, [])
    assert not table.knows_call(call.call_id)
