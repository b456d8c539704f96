"""What comes to the ports of a browser's session: its own datagrams are heard, and no others."""

from unittest.mock import Mock

import pytest
from aioice import Candidate, Connection, stun
from aioice.ice import CandidatePair, StunProtocol

from media.webrtc.port_guard import PortGuard

BROWSER, STRANGER = ("192.0.2.7", 5000), ("198.51.100.9", 6000)
RTP = b"\x80\x00" + bytes(170)


class Port:
    """One guarded port of a connection that knows one candidate of the browser."""

    def __init__(self) -> None:
        self.connection = Connection(ice_controlling=True)
        self.protocol = StunProtocol(self.connection)
        self.protocol.transport = self.transport = Mock()
        self.protocol.local_candidate = candidate("192.0.2.1", 4000)
        self.connection._protocols = [self.protocol]
        self.guard = PortGuard(self.connection)
        self.guard.spend()

    def gets(self, data: bytes, source: tuple[str, int]) -> int:
        """Returns how many datagrams have been kept for DTLS by then."""
        self.protocol.datagram_received(data, source)
        return self.connection._queue.qsize()

    def knows(self, source: tuple[str, int]) -> None:
        self.connection._check_list.append(CandidatePair(self.protocol, candidate(*source)))


def candidate(host: str, port: int) -> Candidate:
    return Candidate("1", 1, "udp", 1, host, port, "host")


def request(username: str = "") -> bytes:
    made = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    if username:
        made.attributes["USERNAME"] = username
        made.add_message_integrity(b"guessed")
    return bytes(made)


@pytest.fixture
async def port() -> Port:
    return Port()


async def test_a_stranger_is_neither_kept_nor_answered(port: Port) -> None:
    port.knows(BROWSER)
    for data in (RTP, b"\x16\xfe\xfd" + bytes(500), request(), request("guess:x"), b"", b"\0"):
        assert port.gets(data, STRANGER) == 0
    port.transport.sendto.assert_not_called()
    assert port.guard.dropped == 6


async def test_the_browser_is_heard_where_a_candidate_of_it_is(port: Port) -> None:
    assert port.gets(RTP, BROWSER) == 0
    port.knows(BROWSER)
    assert port.gets(RTP, BROWSER) == 1
    assert port.gets(RTP, (BROWSER[0], 9)) == 1


async def test_a_check_from_an_address_that_nobody_knows_needs_our_name(port: Port) -> None:
    ours = port.connection.local_username
    port.gets(request(f"{ours}:x"), STRANGER)
    (answer, to), _ = port.transport.sendto.call_args
    assert to == STRANGER
    assert stun.parse_message(answer).attributes["ERROR-CODE"][0] == 401  # the password was wrong


async def test_an_answer_to_a_question_of_ours_comes_from_anywhere(port: Port) -> None:
    asked = Mock()
    answer = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)
    port.protocol.transactions[answer.transaction_id] = asked
    port.gets(bytes(answer), STRANGER)
    asked.response_received.assert_called_once()
