"""What the user agent makes of the messages of RFC 4475 that come to it over UDP."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sip.events import IncomingInvite
from sip.hop import Hop
from sip.message.message import Response
from sip.message.parser import parse
from sip.user_agent import UserAgent

from .test_torture_parser import DROPPED, PARSED, REFUSED

_FILES = Path(__file__).parents[1] / "torture"
_PEER = Hop("udp", "192.0.2.99", 5060)

#: Requests the parser takes, by name: the response of the transaction user.
ANSWERED = {
    "baddn": 200,
    "sdp01": 406,  # Accept names no description that we could answer with
    "wsinv": 481,  # To has a tag, and no dialog has it
    "intmeth": 405,
    "esc01": 100,
    "escnull": 405,  # REGISTER: we are no registrar
    "esc02": 405,  # RE%47IST%45R is not REGISTER
    "lwsdisp": 200,
    "longreq": 100,
    "dblreq": 405,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "baddate": 100,
    "regbadct": 405,
    "badbranch": 200,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "zeromf": 200,  # we are its last hop
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "inv2543": 100,
}

#: Responses that no client transaction of ours waits for.
UNMATCHED = {"unreason", "noreason", "bcast"}


def _receive(name: str) -> tuple[UserAgent, list[tuple[Hop, Response]]]:
    agent = UserAgent(local={"udp": ("192.0.2.250", 5060)}, rng=random.Random(1))
    agent.receive((_FILES / f"{name}.dat").read_bytes(), _PEER, 0.0)
    answers = []
    for hop, data in agent.take_output():
        answer = parse(data)
        assert isinstance(answer, Response)
        answers.append((hop, answer))
    return agent, answers


def test_every_message_is_here() -> None:
    assert {*ANSWERED, *UNMATCHED} == set(PARSED)


@pytest.mark.parametrize("name", ANSWERED)
def test_answered(name: str) -> None:
    agent, ((hop, answer),) = _receive(name)
    assert answer.status == ANSWERED[name]
    assert hop.host == _PEER.host
    invites = [event for event in agent.take_events() if isinstance(event, IncomingInvite)]
    assert len(invites) == (1 if answer.status == 100 else 0)
    assert agent.counters.malformed == 0
    if answer.status == 405:
        assert "INVITE" in answer.get_list("Allow")
    if answer.status == 420:
        assert answer.get_list("Unsupported") == [
            "nothingSupportsThis",
            "nothingSupportsThisEither",
        ]
    if answer.status == 415:
        assert answer.get("Accept") == "application/sdp, multipart/mixed"


@pytest.mark.parametrize("name", sorted(UNMATCHED))
def test_unmatched(name: str) -> None:
    agent, answers = _receive(name)
    assert answers == []
    assert agent.counters.unmatched_responses == 1


# insuf, badinv01: what is missing in the request is missing in the answer, which is then no
# message a parser must accept; its first line says what it is.
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    agent = UserAgent(local={"udp": ("192.0.2.250", 5060)}, rng=random.Random(1))
    agent.receive((_FILES / f"{name}.dat").read_bytes(), _PEER, 0.0)
    ((hop, data),) = agent.take_output()
    assert data.startswith(b"SIP/2.0 %d " % REFUSED[name][0])
    assert hop.host == _PEER.host
    assert agent.counters.malformed == 1
    assert agent.take_events() == []
    assert agent.transaction_count == agent.session_count == 0


@pytest.mark.parametrize("name", DROPPED)
def test_dropped(name: str) -> None:
    agent, answers = _receive(name)
    assert answers == []
    assert agent.counters.malformed == 1
