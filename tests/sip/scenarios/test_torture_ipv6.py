"""The 12 messages of RFC 5118, each with the outcome that it must have.

They are made of what the RFC says of them. Their bodies have the length that is right: the RFC
counts other line ends.
"""

import random
from collections.abc import Callable

import pytest

from sip.errors import ParseError
from sip.events import IncomingInvite
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.message.parser import MalformedMessage, parse
from sip.message.uri import SipUri
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import LocalAudio, OfferAnswer
from sip.user_agent import UserAgent

PEER = Hop("udp", "2001:db8::9:1", 5060)
FROM = "sip:user@example.com;tag=81x2"
VIA = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"
CALLER = '"Caller" <sip:caller@[2001:db8::1]>'


def written(start: str, *fields: tuple[str, str], body: tuple[str, ...] = ()) -> bytes:
    """A message of a start line, header fields, and the lines of a description."""
    described = "".join(f"{line}\r\n" for line in body).encode()
    lines = [f"{start} SIP/2.0", *(f"{name}: {value}" for name, value in fields)]
    if body:
        lines.append("Content-Type: application/sdp")
    lines += ["Max-Forwards: 70", f"Content-Length: {len(described)}", "", ""]
    return "\r\n".join(lines).encode() + described


def register(uri: str) -> bytes:
    return written(
        f"REGISTER {uri}",
        ("To", "sip:user@example.com"),
        ("From", FROM),
        ("Via", VIA),
        ("Call-ID", "SSG9559905523997077@hlau_4100"),
        ("Contact", CALLER),
        ("CSeq", "98176 REGISTER"),
    )


def invite(*vias: str, to: str, contact: str, body: tuple[str, ...]) -> bytes:
    return written(
        f"INVITE {to}",
        ("To", to),
        ("From", FROM),
        *(("Via", via) for via in vias),
        ("Call-ID", "SSG9559905523997077@hlau_4100"),
        ("Contact", contact),
        ("CSeq", "612 INVITE"),
        body=body,
    )


def options(uri: str, via: str) -> bytes:
    return written(
        f"OPTIONS {uri}",
        ("To", "sip:user@example.com"),
        ("From", FROM),
        ("Via", via),
        ("Call-ID", "SSG95523997077@hlau_4100"),
        ("Contact", CALLER),
        ("CSeq", "921 OPTIONS"),
    )


def bye(*vias: str) -> bytes:
    return written(
        "BYE sip:user@host.example.net",
        ("To", "sip:user@example.com;tag=bd76ya"),
        ("From", FROM),
        *(("Via", via) for via in vias),
        ("Call-ID", "SSG9559905523997077@hlau_4100"),
        ("CSeq", "321 BYE"),
    )


AUDIO_AND_VIDEO = (
    "t=3338481189 3370017201",
    "m=audio 6000 RTP/AVP 2",
    "a=rtpmap:2 G726-32/8000",
    "m=video 6024 RTP/AVP 107",
    "a=rtpmap:107 H263-1998/90000",
)


def described(address: str) -> tuple[str, ...]:
    """Audio and video at one IPv6 address."""
    return (
        "v=0",
        f"o=assistant 971731711378798081 0 IN IP6 {address}",
        "s=Live video feed",
        f"c=IN IP6 {address}",
        *AUDIO_AND_VIDEO,
    )


def sip_uri(request: Request) -> SipUri:
    assert isinstance(request.uri, SipUri)
    return request.uri


def _host(request: Request) -> None:
    assert (sip_uri(request).host, sip_uri(request).port) == ("2001:db8::10", None)
    assert request.via.host == "2001:db8::9:1"
    assert request.contact is not None
    assert isinstance(request.contact.uri, SipUri)
    assert request.contact.uri.host == "2001:db8::1"


def _port_is_of_the_address(request: Request) -> None:
    assert sip_uri(request).address == ("2001:db8::10:5070", 5060)


def _port(request: Request) -> None:
    assert sip_uri(request).address == ("2001:db8::10", 5070)


def _received(request: Request) -> None:
    assert request.via.received == "2001:db8::9:255"


def media_hosts(request: Request) -> list[str | None]:
    """Where each stream of its description is wanted."""
    description = parse_sdp(request.sdp)
    found = [description.connection_of(one) for one in description.media]
    return [None if one is None else one.host for one in found]


def _described(request: Request) -> None:
    assert media_hosts(request) == ["2001:db8::20"] * 2


def _vias(request: Request) -> None:
    assert [(via.host, via.port, via.received) for via in request.vias] == [
        ("2001:db8::9:1", 6050, None),
        ("192.0.2.1", None, None),
        ("2001:db8::9:255", None, "192.0.2.200"),
    ]


def _one_stream_each(request: Request) -> None:
    assert media_hosts(request) == ["2001:db8::1", "192.0.2.1"]
    _, audio = OfferAnswer(1).receive_offer(request.sdp, LocalAudio("192.0.2.7", 4000))
    assert (audio.host, audio.port) == ("192.0.2.1", 2230)


def _mapped(request: Request) -> None:
    assert [(via.host, via.port) for via in request.vias] == [
        ("::ffff:192.0.2.10", 19823),
        ("::ffff:192.0.2.2", None),
    ]
    assert request.contact is not None
    assert isinstance(request.contact.uri, SipUri)
    assert request.contact.uri.host == "::ffff:192.0.2.2"
    assert parse_sdp(request.sdp).media


def _old_grammar(request: Request) -> None:
    assert sip_uri(request).host == "2001:db8::192.0.2.1"


Look = Callable[[Request], None]

#: By name: the section, the message, the status of our answer, and what is read in it.
READ: dict[str, tuple[str, bytes, int, Look]] = {
    "ipv6-good": ("4.1", register("sip:[2001:db8::10]"), 405, _host),
    "port-ambiguous": ("4.3", register("sip:[2001:db8::10:5070]"), 405, _port_is_of_the_address),
    "port-unambiguous": ("4.4", register("sip:[2001:db8::10]:5070"), 405, _port),
    "via-received-param-with-delim": (
        "4.5",
        bye("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111"),
        481,
        _received,
    ),
    "via-received-param-no-delim": (
        "4.5",
        options(
            "sip:[2001:db8::10]",
            "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3",
        ),
        200,
        _received,
    ),
    "ipv6-in-sdp": (
        "4.6",
        invite(
            "SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111",
            to="sip:user@[2001:db8::10]",
            contact='"Caller" <sip:caller@[2001:db8::20]>',
            body=described("2001:db8::20"),
        ),
        100,
        _described,
    ),
    "mult-ip-in-header": (
        "4.7",
        bye(
            "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
            "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
        ),
        481,
        _vias,
    ),
    "mult-ip-in-sdp": (
        "4.8",
        invite(
            VIA,
            to="sip:user@[2001:db8::10]",
            contact='"Caller" <sip:caller@[2001:db8::9:1]>',
            body=(
                "v=0",
                "o=bob 280744730 28977631 IN IP4 host.example.com",
                "s=",
                "t=0 0",
                "m=audio 22334 RTP/AVP 18",
                "c=IN IP6 2001:db8::1",
                "m=audio 2230 RTP/AVP 0",
                "c=IN IP4 192.0.2.1",
            ),
        ),
        100,
        _one_stream_each,
    ),
    "ipv4-mapped-ipv6": (
        "4.9",
        invite(
            "SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
            "SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111",
            to="sip:user@example.com",
            contact='"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>',
            body=described("::ffff:192.0.2.2"),
        ),
        100,
        _mapped,
    ),
    "ipv6-bug-abnf-3-colons": (
        "4.10",
        options("sip:user@[2001:db8:::192.0.2.1]", VIA),
        200,
        _old_grammar,
    ),
    "ipv6-correct-abnf-2-colons": (
        "4.10",
        options("sip:user@[2001:db8::192.0.2.1]", VIA),
        200,
        _old_grammar,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    _, data, _, look = READ[name]
    request = parse(data)
    assert isinstance(request, Request)
    look(request)
    assert parse(request.encode()) == request


@pytest.mark.parametrize("name", READ)
def test_answered(name: str) -> None:
    _, data, status, _ = READ[name]
    agent = UserAgent(local={"udp": ("2001:db8::10", 5060)}, rng=random.Random(1))
    agent.receive(data, PEER, 0.0)
    ((hop, sent),) = agent.take_output()
    answer = parse(sent)
    assert isinstance(answer, Response)
    assert answer.status == status
    assert hop.host == PEER.host
    invites = [event for event in agent.take_events() if isinstance(event, IncomingInvite)]
    assert len(invites) == (1 if status == 100 else 0)
    assert agent.counters.malformed == 0


def test_an_address_without_brackets_is_refused() -> None:
    """4.2, ipv6-bad."""
    data = register("sip:2001:db8::10")
    with pytest.raises(MalformedMessage) as caught:
        parse(data)
    assert caught.value.status == 400
    agent = UserAgent(local={"udp": ("2001:db8::10", 5060)}, rng=random.Random(1))
    agent.receive(data, PEER, 0.0)
    ((_, sent),) = agent.take_output()
    assert sent.startswith(b"SIP/2.0 400 ")


@pytest.mark.parametrize(
    "host", ["2001:db8:::10", "2001:db8::::192.0.2.1", "2001:db8::1:::192.0.2.1", ":::1"]
)
def test_a_third_colon_anywhere_else_is_refused(host: str) -> None:
    with pytest.raises(ParseError):
        parse(options(f"sip:user@[{host}]", VIA))
