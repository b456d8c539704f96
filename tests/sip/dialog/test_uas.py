"""A call that came in: what the caller may do before, during and after our answer."""

import random
from typing import Any

import pytest

from sip.dialog.uas import UasSession
from sip.errors import SipError
from sip.events import Answered, Ended, Event, Failed, IncomingInvite, MediaChanged
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.message.parser import parse
from sip.user_agent import UserAgent
from tests.support.sip.network import SimulatedNetwork, audio, pair

PEER = Hop("udp", "192.0.2.2", 5060)
OFFER = (
    "v=0\r\no=a 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    "m=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
NO_CODEC = OFFER.replace("RTP/AVP 0\r\na=rtpmap:0 PCMU", "RTP/AVP 111\r\na=rtpmap:111 opus")


class Caller:
    """A peer that says exactly what a test has it say; time passes only when a test says so."""

    def __init__(self, body: str = OFFER) -> None:
        self.ua = UserAgent(local={"udp": ("192.0.2.1", 5060)}, rng=random.Random(1))
        self.events: list[Event] = []
        self._to_tag = ""
        self._cseq = 0
        self.sent = self.say("INVITE", body)
        (event,) = self.events
        assert isinstance(event, IncomingInvite) and isinstance(event.session, UasSession)
        self.session = event.session
        self.events.clear()

    def say(
        self, method: str, body: str = "", *, cseq: int | None = None, tag: str | None = None
    ) -> list[Request | Response]:
        """Send a request in the dialog, and return what is sent because of it."""
        if cseq is None:
            self._cseq += method != "ACK"
            cseq = self._cseq
        to_tag = self._to_tag if tag is None else tag
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.ua.receive(
            (
                f"{method} sip:ringback@192.0.2.1 SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{method}{cseq}{to_tag}\r\n"
                "Max-Forwards: 70\r\nFrom: <sip:x@192.0.2.2>;tag=x1\r\n"
                f"To: <sip:ringback@192.0.2.1>{f';tag={to_tag}' if to_tag else ''}\r\n"
                f"Call-ID: c1\r\nCSeq: {cseq} {method}\r\nContact: <sip:x@192.0.2.2>\r\n"
                f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            PEER,
            0.0,
        )
        return self.output()

    def do(self, action: Any, *arguments: Any) -> list[Request | Response]:
        """Have the owner do something with the session; returns what is sent because of it."""
        action(*arguments, now=0.0)
        return self.output()

    def output(self) -> list[Request | Response]:
        found = [parse(data) for _hop, data in self.ua.take_output()]
        while (event := self.ua.take_event()) is not None:
            self.events.append(event)
        for message in found:
            if isinstance(message, Response) and not self._to_tag:
                self._to_tag = message.to.tag or ""
        return found

    def only(self, kind: type[Any]) -> Any:
        (event,) = self.events
        assert isinstance(event, kind)
        return event


def statuses(messages: list[Request | Response]) -> list[int | str]:
    return [
        message.status if isinstance(message, Response) else message.method for message in messages
    ]


def test_an_answer_in_the_ack_is_what_was_agreed() -> None:
    caller = Caller(body="")
    (ok,) = caller.do(caller.session.accept, audio())
    assert b"m=audio" in ok.body  # the offer is ours
    assert caller.say("ACK", OFFER, cseq=1) == []
    assert caller.only(Answered).audio.port == 5000
    assert caller.session.state == "confirmed"


@pytest.mark.parametrize("answer", ["", NO_CODEC, "nonsense"])
def test_an_ack_without_an_answer_that_can_be_used_ends_the_call(answer: str) -> None:
    caller = Caller(body="")
    caller.do(caller.session.accept, audio())
    sent = caller.say("ACK", answer, cseq=1)
    assert statuses(sent) == ["BYE"]
    failed = caller.only(Failed)
    assert (failed.cause.status, failed.cause.origin) == (488, "local")


def test_a_call_that_we_hung_up_before_a_bad_ack_has_failed_once() -> None:
    caller = Caller(body="")
    caller.do(caller.session.accept, audio())
    assert caller.do(caller.session.hangup) == []  # no BYE before the ACK
    assert statuses(caller.say("ACK", NO_CODEC, cseq=1)) == ["BYE"]
    assert caller.only(Failed).cause.status == 488


def test_a_bye_before_our_answer_ends_the_invite_with_487() -> None:
    caller = Caller()
    caller.do(caller.session.ring)
    assert statuses(caller.say("BYE")) == [200, 487]
    assert caller.only(Failed).cause.phrase == "BYE received"
    assert caller.session.state == "terminated"


def test_a_bye_before_the_ack_is_no_answered_call() -> None:
    caller = Caller()
    caller.do(caller.session.accept, audio())
    assert statuses(caller.say("BYE")) == [200]
    assert caller.only(Failed).cause.phrase == "BYE received"


def test_a_bye_of_an_answered_call_ends_it() -> None:
    caller = Caller()
    caller.do(caller.session.accept, audio())
    caller.say("ACK", cseq=1)
    caller.events.clear()
    assert statuses(caller.say("BYE")) == [200]
    assert caller.only(Ended).cause.origin == "remote"


@pytest.mark.parametrize("is_accepted", [False, True])
def test_an_offer_by_update_before_the_ack_is_for_later(is_accepted: bool) -> None:
    caller = Caller()
    if is_accepted:
        caller.do(caller.session.accept, audio())
    else:
        caller.do(caller.session.ring)
    (refusal,) = caller.say("UPDATE", OFFER)
    assert isinstance(refusal, Response) and refusal.status == 500
    assert 0 <= int(refusal.get("Retry-After") or "x") <= 10


def test_an_update_without_an_offer_only_refreshes() -> None:
    caller = Caller()
    caller.do(caller.session.ring)
    (ok,) = caller.say("UPDATE")
    assert isinstance(ok, Response) and ok.status == 200 and ok.contact is not None


def test_an_offer_by_update_of_an_answered_call_is_answered() -> None:
    caller = Caller()
    caller.do(caller.session.accept, audio())
    caller.say("ACK", cseq=1)
    caller.events.clear()
    (ok,) = caller.say("UPDATE", OFFER.replace("5000", "6000"))
    assert statuses([ok]) == [200] and b"m=audio" in ok.body
    assert caller.only(MediaChanged).audio.port == 6000


def test_requests_of_another_dialog_or_order_are_refused() -> None:
    caller = Caller()
    caller.do(caller.session.accept, audio())
    caller.say("ACK", cseq=1)
    assert statuses(caller.say("OPTIONS", tag="another")) == [481]
    assert statuses(caller.say("OPTIONS", cseq=90)) == [200]
    assert statuses(caller.say("OPTIONS", cseq=80)) == [500]


def test_a_call_is_answered_or_refused_once() -> None:
    caller = Caller()
    assert statuses(caller.do(caller.session.reject, 486)) == [486]
    for action, arguments in ((caller.session.accept, (audio(),)), (caller.session.ring, ())):
        with pytest.raises(SipError, match="can be neither answered nor rejected"):
            caller.do(action, *arguments)


def test_an_offer_without_a_common_codec_is_foretold_and_refused() -> None:
    caller = Caller(NO_CODEC)
    assert caller.session.objection(audio()) == "no codec in common"
    (refusal,) = caller.do(caller.session.accept, audio())
    assert isinstance(refusal, Response) and refusal.status == 488
    assert "no codec in common" in (refusal.get("Warning") or "")
    assert Caller("").session.objection(audio()) is None


class TestEarlyEnd:
    """199 Early Dialog Terminated (RFC 6228), where the caller knows it."""

    def refused(self, *, rings: bool = True, **headers: str) -> SimulatedNetwork:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob, headers=tuple(headers.items()))
        network.run(until=network.now + 0.1)
        if rings:
            bob.do(bob.incoming.ring)
            network.run(until=network.now + 0.1)
        bob.do(bob.incoming.reject, 486)
        network.run(until=network.now + 0.1)
        assert len(network.messages(486)) == 1
        return network

    def test_it_comes_before_the_final_response(self) -> None:
        network = self.refused()
        (told,) = network.messages(199)
        assert told.get("Reason") == 'SIP;cause=486;text="Busy Here"'
        assert told.body == b"" and told.get("RSeq") is None
        assert told.to.tag == network.messages(180)[0].to.tag
        assert network.sent(199)[0] <= network.sent(486)[0]

    def test_without_an_early_dialog_there_is_none_to_end(self) -> None:
        assert self.refused(rings=False).messages(199) == []

    def test_reliable_responses_that_are_required_leave_it_out(self) -> None:
        assert self.refused(Require="100rel").messages(199) == []

    def test_a_caller_that_does_not_know_it(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.ua.context.supported[:] = [("Supported", "timer, replaces")]
        alice.invite(bob)
        network.run(until=network.now + 0.1)
        bob.do(bob.incoming.ring)
        bob.do(bob.incoming.reject, 486)
        network.run(until=network.now + 0.1)
        assert network.messages(199) == []
