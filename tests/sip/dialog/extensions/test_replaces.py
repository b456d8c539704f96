"""Replaces in an INVITE (RFC 3891): which dialog it names, and when it is refused."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sip.dialog.extensions.replaces import (
    NO_TAG,
    Replaces,
    find_named,
    parse_replaces,
    refer_to_replacing,
)
from sip.dialog.session import Session
from sip.errors import ParseError
from sip.events import Ended, Failed, IncomingInvite
from sip.message.message import Request
from sip.message.uri import OtherUri, parse_uri
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    clean,
    established,
    pair,
)


def replaces_of(session: Session, **changes: object) -> str:
    """The dialog of `session` as another phone would name it to its owner."""
    tag = session.remote_tag or ""
    members = {"to_tag": session.local_tag, "from_tag": tag, **changes}
    return Replaces(session.call_id, **members).encode()  # type: ignore[arg-type]


def carol_calls(
    network: SimulatedNetwork, alice: SimulatedAgent, replaces: str, **headers: str
) -> Session:
    """A third agent calls alice with this Replaces."""
    carol = network.agent("192.0.2.3")
    fields = [("Replaces", replaces), *headers.items()]
    call = carol.invite(alice, headers=tuple(fields))
    network.run(until=network.now + 0.1)
    return call


def status_for(network: SimulatedNetwork, call: Session) -> int:
    carol = network.agents["192.0.2.3"]
    (failed,) = [one for one in carol.of(Failed) if one.session is call]
    assert failed.cause.status is not None
    return failed.cause.status


def test_a_dialog_that_is_up_is_named_to_the_owner() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, theirs = established(network, alice, bob)
    new = carol_calls(network, alice, replaces_of(call), Require="replaces")
    came = alice.of(IncomingInvite)[-1]
    assert came.replaced is call
    # The owner takes the new call, and gives the old one up.
    alice.do(cast(Session, came.session).accept, audio(4008))  # type: ignore[attr-defined]
    network.run(until=network.now + 0.1)
    alice.do(call.hangup)
    network.run(until=network.now + 0.5)
    assert new.state == "confirmed"
    assert bob.only(Ended).session is theirs
    network.agents["192.0.2.3"].do(new.hangup)
    network.run()
    clean(alice, bob, network.agents["192.0.2.3"])


def test_a_call_of_ours_that_rings_may_be_replaced() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=network.now + 0.1)
    bob.do(bob.incoming.ring)
    network.run(until=network.now + 0.1)
    carol_calls(network, alice, replaces_of(call, from_tag=bob.incoming.local_tag, early_only=True))
    assert alice.only(IncomingInvite).replaced is call


def test_a_call_that_came_in_and_rings_is_not_replaced() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    bob.invite(alice)
    network.run(until=network.now + 0.1)
    alice.do(alice.incoming.ring)
    new = carol_calls(network, alice, replaces_of(alice.incoming))
    assert status_for(network, new) == 481


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"early_only": True}, 486),
        ({"to_tag": "guessed"}, 481),
        ({"from_tag": "guessed"}, 481),
        ({"from_tag": NO_TAG}, 481),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], status: int) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    new = carol_calls(network, alice, replaces_of(call, **change))
    assert status_for(network, new) == status
    assert alice.of(IncomingInvite) == []
    assert call.state == "confirmed"


def test_a_dialog_that_ends_is_not_replaced() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    network.agents.pop(bob.hop.host)  # its answer to the BYE is not there yet
    alice.do(call.hangup)
    assert status_for(network, carol_calls(network, alice, replaces_of(call))) == 603


def test_before_the_ack_it_is_not_replaced() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    network.drop = lambda _sender, message: isinstance(message, Request) and message.method == "ACK"
    bob.invite(alice)
    network.run(until=network.now + 0.1)
    alice.do(alice.incoming.accept, audio())
    network.run(until=network.now + 0.1)
    new = carol_calls(network, alice, replaces_of(alice.incoming))
    network.run(until=network.now + 0.1)
    assert status_for(network, new) == 491


def test_the_uri_by_which_another_takes_our_place() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    named = f"{call.call_id}%3Bto-tag%3D{call.remote_tag}%3Bfrom-tag%3D{call.local_tag}"
    assert refer_to_replacing(call) == f"{call.in_dialog.target.encode()}?Replaces={named}"
    # A number has no headers: whoever it is, they are called afresh.
    call.in_dialog.target = OtherUri("tel", "+442079460123")
    assert refer_to_replacing(call) == "tel:+442079460123"


def invite(*values: str, join: bool = False) -> Request:
    fields = [("Replaces", value) for value in values]
    if join:
        fields.append(("Join", "x;to-tag=1;from-tag=2"))
    return Request("INVITE", parse_uri("sip:a@192.0.2.1"), fields)


@pytest.mark.parametrize(
    "request_",
    [
        invite("a;to-tag=1;from-tag=2", "b;to-tag=1;from-tag=2"),
        invite("a;to-tag=1;from-tag=2", join=True),
        invite("a;to-tag=1"),
        invite("a;from-tag=1"),
        invite(";to-tag=1;from-tag=2"),
        invite(""),
        invite("a;to-tag;from-tag=2"),
    ],
)
def test_what_cannot_be_read(request_: Request) -> None:
    with pytest.raises(ParseError):
        parse_replaces(request_)


def test_a_damaged_one_is_refused() -> None:
    network = SimulatedNetwork()
    alice, _ = pair(network)
    assert status_for(network, carol_calls(network, alice, "only-a-call-id")) == 400


def test_what_is_read_is_what_was_written() -> None:
    text = "a@b;to-tag=1;from-tag=2;early-only"
    read = parse_replaces(invite(text))
    assert read == Replaces("a@b", "1", "2", early_only=True)
    assert read.encode() == text
    assert parse_replaces(invite(" a@b ; from-tag=2; x=y; to-tag=1")) == Replaces("a@b", "1", "2")
    assert parse_replaces(invite()) is None


def test_a_value_that_cannot_be_read_names_no_session() -> None:
    context: Any = SimpleNamespace(session_of=pytest.fail)
    assert find_named(context, "only-a-call-id") is None
