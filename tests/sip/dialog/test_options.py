"""An OPTIONS of ours, outside any dialog."""

import pytest

from sip.dialog.options import OptionsAnswer, OptionsTarget
from sip.errors import ParseError
from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import SipUri
from tests.support.sip.network import SimulatedNetwork, clean

URI = SipUri("sip", "pbx.example", "ringback", None, 5070, {"transport": "udp"})


def asked(network: SimulatedNetwork, hop: Hop, *route: str) -> list[OptionsAnswer]:
    answers: list[OptionsAnswer] = []
    alice = network.agents["192.0.2.1"]
    alice.ua.ask_options(OptionsTarget(URI, route), hop, answers.append, network.now)
    network.flush(alice)
    return answers


def test_an_answer_of_any_kind_is_told_once() -> None:
    network = SimulatedNetwork()
    alice, bob = network.agent("192.0.2.1"), network.agent("192.0.2.2")
    answers = asked(network, bob.hop)
    network.run()
    assert answers == [(200, "OK")]
    (request,) = network.messages("OPTIONS")
    assert isinstance(request, Request)
    assert request.uri.encode() == "sip:pbx.example:5070;transport=udp"
    assert (request.get("To"), request.cseq.number) == ("<sip:pbx.example>", 1)
    assert request.get("Contact") and request.get("Accept") == "application/sdp"
    clean(alice, bob)


def test_nobody_there() -> None:
    network = SimulatedNetwork()
    alice = network.agent("192.0.2.1")
    answers = asked(network, Hop("udp", "192.0.2.9", 5060))
    network.run()
    assert answers == [(None, "no answer")]
    clean(alice)


def test_an_error_of_the_network_is_told_as_it_is() -> None:
    network = SimulatedNetwork()
    alice = network.agent("192.0.2.1")
    nowhere = Hop("udp", "192.0.2.9", 5060)
    answers = asked(network, nowhere)
    alice.ua.transport_failed(nowhere, "connection refused", network.now)
    network.flush(alice)
    assert answers == [(None, "connection refused")]
    clean(alice)


@pytest.mark.parametrize(
    ("route", "uri", "sent"),
    [
        ("<sip:proxy.example;lr>", "sip:pbx.example:5070;transport=udp", "<sip:proxy.example;lr>"),
        ("<sip:proxy.example>", "sip:proxy.example", "<sip:pbx.example:5070;transport=udp>"),
    ],
)
def test_by_a_loose_and_a_strict_proxy(route: str, uri: str, sent: str) -> None:
    network = SimulatedNetwork()
    network.agent("192.0.2.1")
    bob = network.agent("192.0.2.2")
    asked(network, bob.hop, route)
    (request,) = network.messages("OPTIONS")
    assert isinstance(request, Request)
    assert (request.uri.encode(), request.get("Route")) == (uri, sent)


def test_a_route_that_is_none() -> None:
    network = SimulatedNetwork()
    alice = network.agent("192.0.2.1")
    with pytest.raises(ParseError):
        asked(network, alice.hop, "<")
