"""REFER within a dialog: what the owner learns, and what the peer is told (RFC 3515, 4488)."""

from typing import cast
from urllib.parse import quote

import pytest

from sip.dialog.extensions.received_refer import Referral
from sip.dialog.session import Session
from sip.errors import SipError
from sip.events import Referred
from sip.message.message import Request, Response, response_to
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    clean,
    established,
    inject,
    pair,
    within,
)


def referred(
    network: SimulatedNetwork, target: str = "<sip:carol@192.0.2.3>", **headers: str
) -> tuple[SimulatedAgent, SimulatedAgent, Session, Referral]:
    """A call within which bob sends a REFER to alice."""
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    data = within(call, "REFER", Refer_To=target, **headers)  # type: ignore[arg-type]
    inject(network, data, bob, alice)
    return alice, bob, call, cast(Referral, alice.only(Referred).referral)


def fragments(network: SimulatedNetwork) -> list[str]:
    return [one.body.decode() for one in network.messages("NOTIFY")]


def test_an_accepted_referral_is_followed_by_notifications() -> None:
    network = SimulatedNetwork()
    alice, bob, call, referral = referred(network, Referred_By="<sip:bob@192.0.2.2>")
    assert (referral.target, referral.user_here, referral.replaces) == (
        "sip:carol@192.0.2.3",
        None,
        None,
    )
    alice.do(referral.accept)
    alice.do(referral.notify, status=180, phrase="Ringing")
    alice.do(referral.notify, status=486, phrase="Busy\r\nHere")
    alice.do(referral.notify, status=200, phrase="too late")
    network.run(until=network.now + 1.0)
    assert len(network.sent(202)) == 1
    assert fragments(network) == [
        "SIP/2.0 100 Trying\r\n",
        "SIP/2.0 180 Ringing\r\n",
        "SIP/2.0 486 Busy  Here\r\n",
    ]
    first, _, last = network.messages("NOTIFY")
    assert first.get("Event") == "refer"
    assert first.get("Content-Type") == "message/sipfrag;version=2.0"
    assert (first.get("Subscription-State") or "").startswith("active;expires=")
    assert last.get("Subscription-State") == "terminated;reason=noresource"
    assert call.state == "confirmed"
    alice.do(call.hangup)
    network.run()
    clean(alice, bob)


def test_a_second_referral_has_an_id() -> None:
    network = SimulatedNetwork()
    alice, bob, call, referral = referred(network)
    alice.do(referral.refuse, status=603, reason="no")
    data = within(call, "REFER", number=101, Refer_To="sip:dave@192.0.2.3")
    inject(network, data, bob, alice)
    second = cast(Referral, alice.of(Referred)[1].referral)
    alice.do(second.accept)
    assert network.messages("NOTIFY")[0].get("Event") == "refer;id=101"


def test_a_refusal_says_why() -> None:
    network = SimulatedNetwork()
    alice, _bob, call, referral = referred(network)
    alice.do(referral.refuse, status=403, reason="premium numbers are not called")
    network.run(until=network.now + 1.0)
    (refusal,) = network.messages(403)
    assert refusal.get("Warning") == '399 - "premium numbers are not called"'
    assert network.sent("NOTIFY") == []
    assert call.state == "confirmed"
    with pytest.raises(SipError):
        alice.do(referral.accept)


def test_a_peer_that_wants_no_notifications() -> None:
    network = SimulatedNetwork()
    alice, _, _, referral = referred(network, Refer_Sub="false", Supported="norefersub")
    alice.do(referral.accept)
    alice.do(referral.notify, status=200, phrase="OK")
    ok = network.messages(200)[-1]
    assert (ok.cseq.method, ok.get("Refer-Sub")) == ("REFER", "false")
    assert network.sent("NOTIFY") == []


def test_nobody_is_told_after_the_end() -> None:
    network = SimulatedNetwork()
    alice, _, call, referral = referred(network)
    alice.do(referral.accept)
    alice.do(call.hangup)
    alice.do(referral.notify, status=200, phrase="OK")
    assert fragments(network) == ["SIP/2.0 100 Trying\r\n"]


def test_a_target_here_and_a_dialog_to_replace() -> None:
    network = SimulatedNetwork()
    replaces = "abc%40host%3Bto-tag%3D1%3Bfrom-tag%3D2"
    *_, referral = referred(network, f'"A" <sip:2001@192.0.2.1?Replaces={replaces}>;x=y')
    assert referral.target == "sip:2001@192.0.2.1"
    assert referral.user_here == "2001"
    assert referral.replaces == "abc@host;to-tag=1;from-tag=2"


@pytest.mark.parametrize("host", ["192.0.2.1", "198.51.100.7"])
@pytest.mark.parametrize(
    "changes", [{}, {"theirs": "guessed"}, {"ours": "guessed"}, {"id": "guessed"}]
)
def test_a_dialog_to_replace_that_is_our_own(host: str, changes: dict[str, str]) -> None:
    """Whatever the target says: phones name our Contact, or the identity that we have shown."""
    network = SimulatedNetwork()
    alice, bob = pair(network)
    first, _ = established(network, alice, bob)
    bob.events.clear()
    second, theirs = established(network, alice, bob)
    named = {"id": second.call_id, "ours": second.local_tag, "theirs": theirs.local_tag} | changes
    replaces = "{id};to-tag={ours};from-tag={theirs}".format(**named)
    target = f"<sip:carol@{host}?Replaces={quote(replaces, safe='')}>"
    inject(network, within(first, "REFER", Refer_To=target), bob, alice)
    referral = cast(Referral, alice.only(Referred).referral)
    assert referral.replaced_here is (None if changes else second)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (None, 400),
        ("<sip:", 400),
        ("", 400),
        ("sip:a@b, sip:c@d", 400),
        ("<sip:a@b?Replaces=1>", 400),
        ("<sip:a@b?Replaces=%3Bto-tag%3D1%3Bfrom-tag%3D2>", 400),
        ("<sip:a@b?Replaces=1%0D%0AX:2%3Bto-tag%3D1%3Bfrom-tag%3D2>", 400),
        ("<sip:a@b;method=BYE>", 403),
        ("<sip:a@b;method=invite>", 403),
    ],
)
def test_a_target_that_cannot_be_called(target: str | None, status: int) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    headers = {} if target is None else {"Refer_To": target}
    data = within(call, "REFER", **headers)  # type: ignore[arg-type]
    (refused,) = inject(network, data, bob, alice)
    assert refused.status == status
    assert alice.of(Referred) == []


def test_a_target_that_is_to_be_sent_an_invite() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    replaced = quote("1@x;from-tag=3;to-tag=2;early-only;x=y", safe="")
    target = f"<sip:a@b;method=INVITE?Replaces={replaced}>"
    inject(network, within(call, "REFER", Refer_To=target), bob, alice)
    referral = alice.only(Referred).referral
    assert (referral.target, referral.replaces) == (
        "sip:a@b",
        "1@x;to-tag=2;from-tag=3;early-only",
    )


def test_a_challenged_notification_is_sent_again() -> None:
    from sip.auth.digest import Credentials

    network = SimulatedNetwork()
    alice, bob, call, referral = referred(network)
    call.use_credentials(Credentials("u", "p"))
    network.agents.pop(bob.hop.host)
    alice.do(referral.accept)
    (notify,) = network.messages("NOTIFY")
    assert isinstance(notify, Request)
    challenge = [("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')]
    network.inject("192.0.2.1", response_to(notify, 401, headers=challenge).encode(), bob.hop)
    network.run(until=network.now + 0.1)
    again = network.messages("NOTIFY")[1]
    assert again.get("Authorization") and again.body == notify.body


@pytest.mark.parametrize(
    ("event", "status"),
    [("keep-alive", 200), ("refer", 481), ("message-summary;x=y", 481), (None, 489)],
)
def test_notifications_that_nobody_asked_for(event: str | None, status: int) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    headers = {} if event is None else {"Event": event}
    data = within(call, "NOTIFY", **headers)  # type: ignore[arg-type]
    (answer,) = inject(network, data, bob, alice)
    assert answer.status == status
    outside = within(call, "NOTIFY", number=101, **headers)  # type: ignore[arg-type]
    outside = outside.replace(f";tag={call.local_tag}".encode(), b"")
    (answer,) = inject(network, outside, bob, alice)
    assert isinstance(answer, Response)
    assert answer.status == status


def test_a_referral_outside_of_a_call() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    outside = within(call, "REFER", Refer_To="<sip:a@b>")
    outside = outside.replace(f";tag={call.local_tag}".encode(), b"")
    (answer,) = inject(network, outside, bob, alice)
    assert answer.status == 403
