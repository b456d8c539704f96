"""Answers that keep nothing, and how large they may be."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog.uas import UasSession
from sip.events import IncomingInvite
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.message.parser import parse
from sip.policy import Admission, Authenticated, Challenged, EveryPeer
from sip.user_agent import UserAgent

STRANGER, PEER = Hop("udp", "203.0.113.9", 5060), Hop("udp", "192.0.2.2", 5060)


class Policy(EveryPeer):
    def is_known(self, host: str) -> bool:
        return host == PEER.host

    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        return "accept" if source.host == PEER.host else "refuse"


def agent() -> UserAgent:
    local = {"udp": ("192.0.2.1", 5060), "tcp": ("192.0.2.1", 5060)}
    return UserAgent(local=local, rng=random.Random(1), policy=Policy())  # type: ignore[arg-type]


def request(method: str = "OPTIONS", *, extra: str = "", via: str = ";rport") -> bytes:
    return (
        f"{method} sip:100@192.0.2.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1{via}\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:100@h>\r\n"
        f"Call-ID: c1\r\nCSeq: 1 {method}\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


MINI = (
    b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\n"
    b"i:1\r\nCSeq:1 OPTIONS\r\n\r\n"
)
LONG = "User-Agent: " + "x" * 400 + "\r\n"


def answers(data: bytes, source: Hop) -> list[bytes]:
    ua = agent()
    ua.receive(data, source, 0.0)
    assert ua.transaction_count == ua.session_count == ua.timer_count == 0
    return [answer for _, answer in ua.take_output()]


@pytest.mark.parametrize("source", [PEER, Hop("tcp", STRANGER.host, 40000)])
def test_a_peer_that_cannot_forge_an_address_gets_all_of_it(source: Hop) -> None:
    (answer,) = answers(request(), source)
    message = parse(answer)
    assert message.get("Allow") and message.get("Accept") and message.get("Server")
    assert len(answer) > len(request())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(), 200),
        (request(extra=LONG), 200),
        (request("REGISTER", extra=LONG), 405),
        (request("FOO", extra=LONG), 405),
        (request("BYE", extra=LONG), 481),
        (request("INVITE", extra=LONG), 403),
        (request("INVITE", extra="Require: foo\r\n" + LONG), 420),
        (request(via=""), 200),
    ],
)
def test_an_unknown_source_gets_no_more_than_it_sent(data: bytes, status: int) -> None:
    sent = answers(data, STRANGER)
    for answer in sent:
        assert len(answer) <= len(data)
        message = parse(answer)
        assert isinstance(message, Response)
        assert message.status == status
        assert message.to.tag and message.call_id == "c1"
    assert len(sent) == 1 or len(data) < 300


@pytest.mark.parametrize("data", [MINI, MINI.replace(b"OPTIONS", b"FOO"), b"rubbish\r\n\r\n"])
def test_what_leaves_no_room_for_an_answer_gets_none(data: bytes) -> None:
    assert answers(data, STRANGER) == []


def test_what_got_no_answer_is_counted() -> None:
    ua = agent()
    ua.receive(MINI, STRANGER, 0.0)
    assert ua.counters.too_small == 1


def test_a_copy_gets_the_same_answer() -> None:
    ua = agent()
    for _ in range(2):
        ua.receive(request("REGISTER"), PEER, 0.0)
    (_, first), (_, second) = ua.take_output()
    assert first == second


class Asking(Policy):
    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        head = 'Digest realm="r",nonce="n",qop="auth",algorithm='
        return Challenged([("WWW-Authenticate", head + name) for name in ("SHA-256", "MD5")])


@pytest.mark.parametrize(("padding", "challenges"), [(400, 2), (160, 2), (70, 1), (0, 0)])
def test_a_challenge_is_no_larger_than_the_request_and_as_whole_as_it_can_be(
    padding: int, challenges: int
) -> None:
    local = {"udp": ("192.0.2.1", 5060)}
    ua = UserAgent(local=local, rng=random.Random(1), policy=Asking())  # type: ignore[arg-type]
    data = request("INVITE", extra="X: " + "x" * padding + "\r\n")
    ua.receive(data, STRANGER, 0.0)
    assert ua.transaction_count == ua.session_count == ua.timer_count == 0
    sent = [answer for _, answer in ua.take_output()]
    assert len(sent) == (challenges > 0) and ua.counters.too_small == (challenges == 0)
    for answer in sent:
        message = parse(answer)
        assert isinstance(message, Response) and message.status == 401
        assert len(message.get_all("WWW-Authenticate")) == challenges
        assert len(answer) <= len(data)
        assert (message.get("Server") is not None) == (padding == 400)


class Knowing(Policy):
    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        return Authenticated("carrier")

    def session_expires_s(self, peer: Hop, name: str = "") -> int:
        assert name == "carrier"
        return 600


def test_who_has_shown_a_password_is_known_by_the_session() -> None:
    local = {"udp": ("192.0.2.1", 5060)}
    ua = UserAgent(local=local, rng=random.Random(1), policy=Knowing())  # type: ignore[arg-type]
    ua.receive(request("INVITE", extra="Contact: <sip:a@203.0.113.9>\r\n"), STRANGER, 0.0)
    event = ua.take_event()
    assert isinstance(event, IncomingInvite) and isinstance(event.session, UasSession)
    assert event.session.peer == "carrier"


METHODS = ["OPTIONS", "REGISTER", "INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "INFO"]
METHODS += ["REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH", "FOO", "options", "\u00e4"]
ADDRESSES = ["<sip:a@h>", "sip:a", "<sip:a@h>;tag=1", "<tel:+1>", "<", f'"{"n" * 300}" <sip:a@h>']
MORE = ["Require: foo", "Require: " + "x," * 200, "Proxy-Require: y", "Max-Forwards: 0"]
MORE += ["k: 100rel", "Content-Encoding: gzip", "c: text/plain", "Accept: a/b", "Contact: *"]
MORE += ["o: dialog", "Expires: 9", "Replaces: x;to-tag=1;from-tag=2", "Refer-To: <sip:b@h>"]
MORE += ["Session-Expires: 1", "RAck: 1 1 INVITE", "Authorization: Digest realm=r"]
MORE += ["Identity: x;info=<https://a>;alg=ES256", "X: " + "y" * 900]


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """Requests of unknown sources, short and long, good and damaged."""
    method = draw(st.sampled_from(METHODS))
    short = draw(st.booleans())
    names = ["v", "f", "t", "i"] if short else ["Via", "From", "To", "Call-ID"]
    host = draw(st.sampled_from(["h", "203.0.113.9", "203.0.113.9:5060", "[2001:db8::1]:9"]))
    branch = draw(st.sampled_from(["z9hG4bK1", "1", "z9hG4bK" + "b" * 99]))
    via = f"SIP/2.0/UDP {host};branch={branch}"
    vias = [via + draw(st.sampled_from(["", ";rport", ";rport=1;received=1.2.3.4", ";maddr=h"]))]
    vias += [via] * draw(st.sampled_from([0, 0, 1, 20]))
    lines = [f"{names[0]}:{one}" for one in vias]
    lines += [f"{name}:{draw(st.sampled_from(ADDRESSES))}" for name in names[1:3]]
    lines += [f"{names[3]}:" + draw(st.sampled_from(["1", "c" * 200]))]
    lines += [f"CSeq:{draw(st.sampled_from(['1', '4294967296']))} {method}"]
    lines += draw(st.lists(st.sampled_from(MORE), max_size=4))
    lines = draw(st.permutations(lines))[: draw(st.sampled_from([99, 99, 99, 4]))]
    uri = draw(
        st.sampled_from(["sip:a", "sip:100@192.0.2.1", "sips:a@h", "tel:+1", "http://a", "*"])
    )
    version = draw(st.sampled_from(["SIP/2.0", "SIP/2.0", "SIP/2.0", "SIP/3.0", "HTTP/1.1"]))
    body = draw(st.sampled_from(["", "", "v=0\r\n", "x" * 500]))
    text = "\r\n".join([f"{method} {uri} {version}", *lines, "", body])
    data = bytearray(text.encode())
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + 1] = draw(st.sampled_from([b"", b"\xff", b"\0", b"\r\n", b";", b"<"]))
    return bytes(data)


@given(datagrams(), st.sampled_from([Policy, Asking]))
def test_whatever_unknown_sources_send_they_get_no_more_bytes_back(
    data: bytes, policy: type[Policy]
) -> None:
    local = {"udp": ("192.0.2.1", 5060)}
    ua = UserAgent(local=local, rng=random.Random(1), policy=policy())  # type: ignore[arg-type]
    ua.receive(data, STRANGER, 0.0)
    for now in (1.0, 10.0, 60.0):
        ua.handle_timers(now)
    sent = [answer for _, answer in ua.take_output()]
    assert len(sent) <= 1
    assert sum(map(len, sent)) <= len(data)
    assert ua.transaction_count == ua.session_count == ua.timer_count == 0
