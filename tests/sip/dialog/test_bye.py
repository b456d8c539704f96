"""The BYE that we send: challenged, unanswered, or refused, it ends once."""

import pytest

from sip.auth.digest import Credentials
from sip.events import Ended
from sip.message.message import Request, Response, response_to
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    clean,
    established,
    pair,
)

CHALLENGE = 'Digest realm="pbx", nonce="one", algorithm=MD5, qop="auth"'


def hung_up(
    *statuses: int, credentials: Credentials | None = None
) -> tuple[SimulatedNetwork, SimulatedAgent, list[Request]]:
    """Alice hangs up; her BYEs are answered with these statuses, the last one for ever."""
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _called = established(network, alice, bob)
    call.use_credentials(credentials)
    answers = list(statuses)
    byes: list[Request] = []

    def answer(_sender: str, message: Request | Response) -> bool:
        if not isinstance(message, Request) or message.method != "BYE":
            return False
        byes.append(message)
        if answers:
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            fields = [("WWW-Authenticate", CHALLENGE)] if status == 401 else []
            reply = response_to(message, status, headers=fields)
            network.inject("192.0.2.1", reply.encode(), bob.hop)
        return True

    network.drop = answer
    alice.do(call.hangup, reason='Q.850;cause=16;text="Normal call clearing"')
    network.run(until=network.now + 100.0)
    return network, alice, byes


def test_it_says_why() -> None:
    _network, alice, (bye,) = hung_up(200)
    assert bye.get("Reason") == 'Q.850;cause=16;text="Normal call clearing"'
    assert alice.only(Ended).cause.origin == "local"
    clean(alice)


@pytest.mark.parametrize("status", [481, 500, 401])
def test_any_final_answer_ends_it(status: int) -> None:
    _network, alice, byes = hung_up(status)
    assert len(byes) == 1 and len(alice.of(Ended)) == 1
    clean(alice)


def test_a_provisional_answer_ends_nothing() -> None:
    _network, alice, byes = hung_up(100, 200)
    assert {bye.cseq.number for bye in byes} == {byes[0].cseq.number}
    assert len(byes) > 1  # it goes on to be sent until there is a final answer
    clean(alice)


def test_a_challenge_is_answered_once() -> None:
    credentials = Credentials("ringback", "s3cret")
    _network, alice, byes = hung_up(401, 200, credentials=credentials)
    first, second = byes
    assert second.cseq.number == first.cseq.number + 1
    assert (second.get("Authorization") or "").startswith("Digest ")
    clean(alice)
    # Who goes on asking gets no further answer.
    _network, alice, byes = hung_up(401, credentials=credentials)
    assert len(byes) == 2
    clean(alice)


def test_without_an_answer_it_is_over_after_its_time() -> None:
    _network, alice, byes = hung_up()
    assert len({bye.cseq.number for bye in byes}) == 1 and len(byes) > 5
    assert len(alice.of(Ended)) == 1
    clean(alice)
