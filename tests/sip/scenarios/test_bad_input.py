"""Bad input: answered where it can be, and nothing is left of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.events import IncomingInvite
from sip.message.message import Request, Response
from tests.support.examples import at_most
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    pair,
)
from tests.support.sip.user_agent import PEER, agent, ask, nothing_kept, raw, status


class TestBadInput:
    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\0\0\0", b"\r\n"])
    def test_keep_alives(self, data: bytes) -> None:
        ua = agent()
        assert ask(ua, data) == []
        assert (ua.counters.keep_alives, ua.counters.malformed) == (1, 0)

    @pytest.mark.parametrize(
        "data",
        [
            b"hello",
            b"\xff\xfe\xfd",
            b"OPTIONS sip:x SIP/2.0\r\n\r\n",
            raw().replace(b"Via", b"Vio"),
            b"SIP/2.0 200 OK\r\n\r\n",
            raw("ACK").replace(b"CSeq: 1", b"CSeq: x"),
            # A damaged response: refusing it could go on for ever.
            raw().replace(b"OPTIONS sip:ringback@192.0.2.1 SIP/2.0", b"SIX/2.0 400 Bad"),
        ],
    )
    def test_unanswerable_messages_are_dropped_and_counted(self, data: bytes) -> None:
        ua = agent()
        assert ask(ua, data) == []
        assert ua.counters.malformed == 1

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (raw().replace(b"CSeq: 1", b"CSeq: x"), 400),
            (raw().replace(b"Call-ID: c1\r\n", b""), 400),
            (raw().replace(b" SIP/2.0\r\nVia", b" SIP/9.0\r\nVia"), 505),
            (raw().replace(b"Content-Length: 0", b"Content-Length: 9"), 400),
        ],
    )
    def test_answerable_malformed_requests_are_answered(self, data: bytes, code: int) -> None:
        ua = agent()
        assert status(ua, data) == code
        assert ua.counters.malformed == 1
        assert nothing_kept(ua)

    @given(
        st.binary(max_size=300)
        | st.builds(
            lambda data, place, noise: data[:place] + noise + data[place + len(noise) :],
            st.sampled_from(
                [
                    raw(),
                    raw(
                        "INVITE", extra="Contact: <sip:a@192.0.2.2>\r\nRecord-Route: <sip:p;lr>\r\n"
                    ),
                    raw("BYE", to="<sip:x>;tag=y"),
                    raw("CANCEL"),
                    b"SIP/2.0 200 OK" + raw()[40:],
                ]
            ),
            st.integers(0, 400),
            st.binary(max_size=12),
        )
    )
    def test_no_datagram_ever_raises(self, data: bytes) -> None:
        ua = agent()
        for _ in range(2):
            ua.receive(data, PEER, 0.0)
        assert all(sent.startswith(b"SIP/2.0 ") for _, sent in ua.take_output())
        for now in (0.5, 1.0, 40.0, 300.0, 400.0):
            ua.handle_timers(now)
        assert nothing_kept(ua)

    @given(
        seed=st.integers(0, 2**32),
        noise=st.binary(min_size=1, max_size=6),
        place=st.floats(0, 1),
    )
    @at_most(60)
    def test_random_bytes_during_a_call_never_raise_and_leave_no_state(
        self, seed: int, noise: bytes, place: float
    ) -> None:
        """Every datagram of a call is followed by a damaged copy."""
        network = SimulatedNetwork(seed)
        alice, bob = pair(network)

        def damage(sender: str, message: Request | Response) -> bool:
            data = message.encode()
            at = int(place * len(data))
            broken = data[:at] + noise + data[at + len(noise) :]
            receiver, source = (bob, alice) if sender == alice.hop.host else (alice, bob)
            network.inject(receiver.hop.host, broken, source.hop, after_s=0.02)
            return False

        network.drop = damage
        bob.on_event = lambda event: (
            bob.do(event.session.accept, audio(4002))  # type: ignore[attr-defined]
            if isinstance(event, IncomingInvite)
            else None
        )
        call = alice.invite(bob)
        network.run(until=5.0)
        alice.do(call.hangup)
        network.run(until=10.0)
        for session in bob.ua.context.sessions():
            bob.do(session.hangup)
        network.run()
        clean(alice, bob)
