"""A peer whose messages come damaged: nothing raises, each call ends once, nothing stays."""

import random
from collections.abc import Callable

import pytest

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.dialog.uas import UasSession
from sip.errors import SipError
from sip.message.message import Request, Response
from tests.support.sip.network import SimulatedAgent, SimulatedNetwork, audio, clean, pair

CALLS = 50
VALUES = (
    "", "*", ",", ";;", '"', "1", "0 INVITE", "99999999999 INVITE", "é", "\x1e2",
    "<sip:", "sip:[::",
    "<sip:a@192.0.2.2>,<", "<tel:+44>", "<sips:a@192.0.2.2>", "<sip:x@192.0.2.2;transport=tls>",
    '"x" <sip:a@b>;tag=1;tag=2', "100rel", "application/sdp", "multipart/mixed;boundary=x",
    'Digest realm="x", nonce="y"', "SIP/2.0/UDP",
)  # fmt: skip
NAMES = (
    "Contact", "Record-Route", "Route", "To", "From", "CSeq", "Call-ID", "Via", "Content-Type",
    "Content-Encoding", "Require", "Expires", "WWW-Authenticate", "Proxy-Authenticate", "Reason",
    "Session-Expires", "Info-Package", "Accept", "Allow",
)  # fmt: skip


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The same message with up to three things changed."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                field = f"{rng.choice(NAMES)}: {rng.choice(VALUES)}"
                lines.insert(max(1, place), field.encode())
            case 1 if place:
                name = lines[place].partition(b":")[0]
                lines[place] = name + b": " + rng.choice(VALUES).encode()
            case 2 if place:
                del lines[place]
            case 3 if body:
                body = _with_another_byte(rng, body)
            case _ if lines[place]:
                lines[place] = _with_another_byte(rng, lines[place])
    lines = [line for line in lines if not line.lower().startswith(b"content-length")]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _with_another_byte(rng: random.Random, data: bytes) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


class Line:
    """alice calls bob; what bob sends comes damaged, once or twice, and whole now and then."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.network = SimulatedNetwork()
        self.alice, self.bob = pair(self.network)
        self.loss = self.rng.choice((0.0, 0.5, 1.0))
        self.network.drop = self._damage

    def _damage(self, sender: str, message: Request | Response) -> bool:
        if sender != self.bob.hop.host:
            return False
        for _ in range(self.rng.randint(0, 2)):
            data = damaged(self.rng, message.encode())
            self.network.inject(self.alice.hop.host, data, self.bob.hop, after_s=self.rng.random())
        return self.rng.random() < self.loss

    def run(self, for_s: float) -> None:
        self.network.run(until=self.network.now + for_s)

    def act(self, call: Session) -> None:
        """One of the two does something, if it can."""
        alice, bob = self.alice, self.bob
        called = [one for one in bob.ua.context.sessions() if isinstance(one, UasSession)]
        acts: list[Callable[[], object]] = [
            lambda: alice.do(call.hangup),
            lambda: alice.do(call.reinvite, audio(4100)),
            *(
                act
                for one in called
                for act in (
                    lambda one=one: bob.do(one.ring, status=self.rng.choice((180, 183))),
                    lambda one=one: bob.do(one.accept, audio(4002)),
                    lambda one=one: bob.do(one.reject, self.rng.choice((302, 401, 486, 503))),
                    lambda one=one: bob.do(one.hangup),
                    lambda one=one: bob.do(one.reinvite, audio(4200)),
                )
            ),
        ]
        try:
            self.rng.choice(acts)()
        except SipError:
            return  # not possible in this state


def hang_up_all(agent: SimulatedAgent) -> None:
    for session in agent.ua.context.sessions():
        agent.do(session.hangup)


@pytest.mark.parametrize("seed", range(8))
def test_calls_with_a_peer_whose_messages_are_damaged(seed: int) -> None:
    for number in range(CALLS):
        line = Line(seed * CALLS + number)
        credentials = Credentials("u", "p") if line.rng.random() < 0.5 else None
        call = line.alice.invite(line.bob, credentials=credentials)
        line.run(1.0)
        for _ in range(line.rng.randint(1, 7)):
            line.act(call)
            line.run(line.rng.choice((0.1, 1.0, 5.0, 40.0)))
        hang_up_all(line.alice)
        bob_is_gone = line.rng.random() < 0.5
        line.network.drop = lambda host, _, gone=bob_is_gone: gone and host == "192.0.2.2"  # type: ignore[misc]
        line.run(300.0)
        clean(line.alice)
        assert len(line.alice.ends(call)) == 1
