"""Digest within calls: INVITE, re-INVITE and BYE are signed."""

from sip.auth.authorization import credentials_of
from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.events import Ended, Failed, MediaChanged
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.sdp.offer_answer import LocalAudio
from tests.support.sip.network import SimulatedNetwork, audio, clean, pair

HOLD = LocalAudio("192.0.2.1", 4000, direction="sendonly")


class Challenger:
    """A called side in front of which a proxy asks for credentials, for every request."""

    def __init__(self, network: SimulatedNetwork, *, accepts: bool = True) -> None:
        self.network = network
        self.alice, self.bob = pair(network)
        self.asked: list[str] = []
        self.accepts = accepts
        real = self.bob.ua.receive

        def receive(data: bytes, source: Hop, now: float) -> bool:
            message = parse(data)
            if isinstance(message, Request) and message.method not in ("ACK", "CANCEL"):
                signed = message.get("Proxy-Authorization") or ""
                nonce = f'nonce="{message.method}"'
                if nonce not in signed or not self.accepts:
                    self.asked.append(message.method)
                    challenge = f'Digest realm="r", {nonce}, qop="auth", algorithm=SHA-256'
                    refusal = response_to(
                        message, 407, to_tag="proxy", headers=[("Proxy-Authenticate", challenge)]
                    )
                    self.bob.ua.context.transactions.send(source, refusal.encode())
                    return True
            return real(data, source, now)

        self.bob.ua.receive = receive  # type: ignore[method-assign]

    def invite(self, credentials: Credentials | None) -> Session:
        return self.alice.invite(self.bob, credentials=credentials)


class TestDigest:
    def test_invite_reinvite_and_bye_are_signed(self) -> None:
        network = SimulatedNetwork()
        side = Challenger(network)
        alice, bob = side.alice, side.bob
        call = side.invite(Credentials("alice", "secret"))
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=0.2)
        assert call.state == "confirmed"
        alice.do(call.reinvite, HOLD)
        network.run(until=0.3)
        assert alice.only(MediaChanged).audio.direction == "sendonly"
        alice.do(call.hangup)
        network.run()
        # The nonce of an INVITE serves the re-INVITE; BYE, with another, is challenged once.
        assert side.asked == ["INVITE", "BYE"]
        assert bob.only(Ended).cause.origin == "remote"
        first, second = [m for m in network.messages("INVITE") if m.to.tag is None]
        assert (second.cseq.number, second.call_id) == (first.cseq.number + 1, first.call_id)
        assert second.from_.tag == first.from_.tag
        assert second.via.branch != first.via.branch
        ack = next(m for m in network.messages("ACK") if m.cseq.number == second.cseq.number)
        assert isinstance(ack, Request)
        assert isinstance(second, Request)
        assert credentials_of(ack) == credentials_of(second) != []
        clean(alice, bob)

    def test_407_without_credentials_fails_the_call(self) -> None:
        network = SimulatedNetwork()
        side = Challenger(network)
        side.invite(None)
        network.run()
        assert side.alice.only(Failed).cause.status == 407
        clean(side.alice)

    def test_wrong_credentials_are_tried_once(self) -> None:
        network = SimulatedNetwork()
        side = Challenger(network, accepts=False)
        side.invite(Credentials("alice", "wrong"))
        network.run()
        assert side.asked == ["INVITE", "INVITE"]
        assert side.alice.only(Failed).cause.status == 407
        clean(side.alice)

    def test_two_servers_that_refuse_in_turn_are_not_retried_for_ever(self) -> None:
        """A proxy whose nonces serve once, before a called side that knows another password."""
        network = SimulatedNetwork()
        alice, bob = pair(network)
        spent: set[str] = set()
        asked: list[int] = []

        def answer(sender: str, message: Request | Response) -> bool:
            if not isinstance(message, Request) or message.method != "INVITE":
                return True
            assert len(asked) < 50
            signed = message.get("Proxy-Authorization") or ""
            nonce = f"n{len(asked)}"
            status, field = 407, "Proxy-Authenticate"
            if signed and signed not in spent and "nc=00000001" in signed:
                status, field = 401, "WWW-Authenticate"
            spent.add(signed)
            asked.append(status)
            challenge = f'Digest realm="{status}", nonce="{nonce}", qop="auth"'
            refusal = response_to(message, status, to_tag="b", headers=[(field, challenge)])
            network.inject("192.0.2.1", refusal.encode(), bob.hop, after_s=0.01)
            return True

        network.drop = answer
        alice.invite(bob, credentials=Credentials("alice", "wrong"))
        network.run()
        assert asked[:4] == [407, 401, 407, 401]
        assert alice.only(Failed).cause.status in (401, 407)
        clean(alice)

    def test_hangup_before_the_challenge_ends_the_call(self) -> None:
        network = SimulatedNetwork()
        side = Challenger(network)
        call = side.invite(Credentials("alice", "secret"))
        side.alice.do(call.hangup)
        network.run()
        assert side.asked == ["INVITE"]
        assert side.alice.only(Failed).cause.origin == "local"
        clean(side.alice)
