"""Requests too large for UDP go by TCP, and by UDP where nobody is there."""

import random

from sip.dialog.uac import Invitation
from sip.events import Failed
from sip.hop import Hop
from sip.registration.registration import Account
from sip.user_agent import UserAgent
from tests.support.sip.network import (
    audio,
)
from tests.support.sip.user_agent import PEER, nothing_kept


class TestLargeRequests:
    def caller(self, **local: tuple[str, int]) -> UserAgent:
        return UserAgent(local=local or {"udp": ("192.0.2.1", 5060)}, rng=random.Random(1))  # type: ignore[arg-type]

    def invite(self, ua: UserAgent, target: str = "sip:bob@192.0.2.2", size: int = 1_000) -> Hop:
        invitation = Invitation(
            target=target,
            hop=PEER,
            from_uri="sip:a@192.0.2.1",
            audio=audio(),
            headers=(("X-Context", "x" * size),),
        )
        ua.invite(invitation, 0.0)
        ((hop, data),) = ua.take_output()
        assert f"SIP/2.0/{hop.transport.upper()}".encode() in data
        return hop

    def test_large_requests_go_over_tcp_if_we_listen_on_it(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both) == PEER._replace(transport="tcp")

    def test_small_requests_stay_on_udp(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both, size=100) == PEER

    def test_an_explicit_transport_is_kept(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both, "sip:bob@192.0.2.2;transport=udp") == PEER

    def test_large_requests_stay_on_udp_without_tcp(self) -> None:
        assert self.invite(self.caller()) == PEER

    def test_peer_without_tcp_gets_large_requests_over_udp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        ua.transport_failed(self.invite(ua), "connection refused", 0.01)
        ((hop, _),) = ua.take_output()
        assert hop == PEER
        assert ua.take_events() == []
        ua.transport_failed(PEER, "unreachable", 0.02)
        (failed,) = ua.take_events()
        assert isinstance(failed, Failed)
        assert failed.cause.origin == "transport"
        assert nothing_kept(ua)

    def test_peer_that_drops_what_comes_over_tcp_gets_large_requests_over_udp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(ua).transport == "tcp"
        ua.handle_timers(1.4)
        assert ua.take_output() == []
        ua.handle_timers(1.5)
        ((hop, data),) = ua.take_output()
        assert hop == PEER
        assert data.startswith(b"INVITE") and b"SIP/2.0/UDP" in data
        # It is remembered for a while, and UDP sends again what is lost.
        assert self.invite(ua) == PEER
        ua.handle_timers(2.0)
        assert PEER in [hop for hop, _ in ua.take_output()]

    def test_call_that_was_given_up_is_not_sent_once_more(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        hop = self.invite(ua)
        (session,) = ua.context.sessions()
        session.hangup(0.01)
        ua.transport_failed(hop, "connection refused", 0.02)
        assert ua.take_output() == []
        assert nothing_kept(ua)

    def test_requests_of_every_method_go_over_tcp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        long = "x" * 1_300
        account = Account(f"sip:{long}@192.0.2.2", "sip:192.0.2.2")
        ua.register(account, 0.0)
        ((hop, data),) = ua.take_output()
        assert hop.transport == "tcp"
        assert data.startswith(b"REGISTER") and b"Via: SIP/2.0/TCP" in data
        ua.transport_failed(hop, "connection refused", 0.1)
        ((hop, data),) = ua.take_output()
        assert hop.transport == "udp" and b"Via: SIP/2.0/UDP" in data
