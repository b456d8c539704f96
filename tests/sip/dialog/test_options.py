"""An OPTIONS of ours, outside any dialog."""

from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import SipUri
from tests.support.sip.network import SimulatedNetwork, clean

URI = SipUri("sip", "pbx.example", "ringback", None, 5070, {"transport": "udp"})


def asked(network: SimulatedNetwork, hop: Hop) -> list[int | None]:
    answers: list[int | None] = []
    alice = network.agents["192.0.2.1"]
    alice.ua.ask_options(URI, hop, answers.append, network.now)
    network.flush(alice)
    return answers


def test_an_answer_of_any_kind_is_told_once() -> None:
    network = SimulatedNetwork()
    alice, bob = network.agent("192.0.2.1"), network.agent("192.0.2.2")
    answers = asked(network, bob.hop)
    network.run()
    assert answers == [200]
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
    assert answers == [None]
    clean(alice)
