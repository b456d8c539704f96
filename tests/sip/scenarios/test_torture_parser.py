"""The 49 messages of RFC 4475, byte for byte, each with the outcome it must have in the parser.

`PARSED` are well formed for the parser, with what it must read in them. `REFUSED` are requests to
be answered with the status, `DROPPED` responses that nobody answers. What the user agent makes of
those that are parsed is in test_torture_user_agent.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sip.errors import NegotiationFailed, ParseError
from sip.message.framing import StreamFramer
from sip.message.grammar import unquote
from sip.message.message import Message, Request, Response, response_to
from sip.message.parser import MalformedMessage, parse
from sip.message.uri import OtherUri, SipUri
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import LocalAudio, OfferAnswer

from ..message.test_framing import feed

_FILES = Path(__file__).parents[1] / "torture"


def _read(name: str) -> bytes:
    return (_FILES / f"{name}.dat").read_bytes()


def _request(message: Message) -> Request:
    assert isinstance(message, Request)
    return message


def _sip(uri: SipUri | OtherUri) -> SipUri:
    assert isinstance(uri, SipUri)
    return uri


def _wsinv(message: Message) -> None:
    request = _request(message)
    assert _sip(request.uri).params == {"unknownparam": None}
    assert request.to.encode() == "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n"
    assert (request.from_.display_name, request.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert request.max_forwards == 68
    assert (request.cseq.number, request.cseq.method) == (9, "INVITE")
    assert [(v.transport, v.host, v.branch) for v in request.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert request.get("Subject") == ""
    assert request.get("newfangledheader") == "newfangled value continued newfangled value"
    assert request.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    (route,) = request.routes
    assert _sip(route.uri).params == {"lr": None, "unknownwith": "value", "unknown-no-value": None}
    assert request.contact is not None
    assert request.contact.display_name == 'Quoted string ""'
    assert request.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(request.body) == 150


def _intmeth(message: Message) -> None:
    request = _request(message)
    assert request.method == request.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert _sip(request.uri).user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert _sip(request.uri).password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert request.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert request.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert unquote(request.from_.params["fromparam''~+*_!.-%"] or "") == "работающий"
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert request.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert request.max_forwards == 255


def _esc01(message: Message) -> None:
    request = _request(message)
    assert _sip(request.uri).user == "sips:user@example.com"
    assert _sip(request.uri).host == "example.net"
    assert _sip(request.to.uri).user == "user"
    assert _sip(request.from_.uri).user == "I have spaces"
    assert request.contact is not None
    assert _sip(request.contact.uri).user == "caller"
    assert _sip(request.contact.uri).params == {"lr": None, "name": "value%41"}


def _escnull(message: Message) -> None:
    assert _sip(message.to.uri).user == "null-\0-null"
    assert [_sip(c.uri).user for c in message.contacts] == ["\0", "\0\0"]


def _esc02(message: Message) -> None:
    assert _request(message).method == "RE%47IST%45R"
    assert message.to.display_name == "%Z%45"
    assert [_sip(c.uri).user for c in message.contacts] == ["alias1", "alias3"]
    assert message.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def _lwsdisp(message: Message) -> None:
    assert (message.from_.display_name, message.from_.tag) == ("caller", "323")


def _longreq(message: Message) -> None:
    assert len(message.vias) == 34
    assert message.vias[-1].received == "192.0.2.5"
    assert (message.to.display_name or "").count("extreme") == 10
    assert _sip(message.to.uri).port == 6000
    assert len(_sip(message.to.uri).params) == 3
    assert len(message.from_.params) == 3
    assert len(message.body) == 150


def _dblreq(message: Message) -> None:
    assert _request(message).method == "REGISTER"
    assert message.body == b""
    assert b"INVITE" not in message.encode()


def _semiuri(message: Message) -> None:
    uri = _sip(_request(message).uri)
    assert (uri.user, uri.params) == ("user;par=u@example.net", {})


def _transports(message: Message) -> None:
    assert [v.transport for v in message.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def _mpart01(message: Message) -> None:
    assert message.content_type == "multipart/mixed"
    assert len(message.body) == 553
    assert b"\0" in message.body
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")


def _unreason(message: Message) -> None:
    assert isinstance(message, Response)
    assert message.phrase == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert len(parse_sdp(message.body).media) == 2


def _noreason(message: Message) -> None:
    assert isinstance(message, Response)
    assert (message.status, message.phrase) == (100, "")


def _baddate(message: Message) -> None:
    assert (message.get("Date") or "").endswith("EST")
    assert len(message.body) == 150


def _regbadct(message: Message) -> None:
    with pytest.raises(ParseError) as caught:
        _ = message.contacts
    assert caught.value.status == 400


def _badbranch(message: Message) -> None:
    assert message.via.branch == "z9hG4bK"
    assert not message.via.is_rfc3261


def _unkscm(message: Message) -> None:
    assert _request(message).uri == OtherUri("nobodyknowsthisscheme", "totallyopaquecontent")


def _novelsc(message: Message) -> None:
    assert _request(message).uri == OtherUri("soap.beep", "//192.0.2.103:3002")


def _unksm2(message: Message) -> None:
    assert message.to.uri == OtherUri("isbn", "2983792873")
    assert message.from_.uri == OtherUri("http", "//www.example.com")
    assert message.contacts[0].uri == OtherUri("name", "John_Smith")


def _bext01(message: Message) -> None:
    assert message.get_list("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def _invut(message: Message) -> None:
    assert message.content_type == "application/unknownformat"
    with pytest.raises(NegotiationFailed):
        OfferAnswer(1).receive_offer(message.body, LocalAudio("192.0.2.1", 4000))


def _regaut01(message: Message) -> None:
    assert message.get("Authorization") == "NoOneKnowsThisScheme opaque-data=here"


def _bcast(message: Message) -> None:
    assert isinstance(message, Response)
    assert [v.host for v in message.vias] == ["192.0.2.198", "255.255.255.255"]


def _baddn(message: Message) -> None:
    assert message.from_.display_name == "Bell, Alexander"


def _zeromf(message: Message) -> None:
    assert message.max_forwards == 0


def _cparam01(message: Message) -> None:
    (contact,) = message.contacts
    assert contact.params == {"unknownparam": None}
    assert _sip(contact.uri).params == {}


def _cparam02(message: Message) -> None:
    (contact,) = message.contacts
    assert contact.params == {}
    assert _sip(contact.uri).params == {"unknownparam": None}


def _regescrt(message: Message) -> None:
    (contact,) = message.contacts
    assert _sip(contact.uri).headers == {"Route": "<sip:sip.example.com>"}


def _sdp01(message: Message) -> None:
    assert message.get("Accept") == "text/nobodyKnowsThis"
    _, audio = OfferAnswer(1).receive_offer(message.body, LocalAudio("192.0.2.1", 4000))
    assert (audio.host, audio.port, audio.codec) == ("192.0.2.5", 49217, "PCMU")


def _inv2543(message: Message) -> None:
    assert message.via.branch is None
    assert message.from_.tag is None
    assert message.max_forwards is None
    assert parse_sdp(message.body).media[0].formats == ["0"]


PARSED: dict[str, Callable[[Message], None]] = {
    "wsinv": _wsinv,  # 3.1.1.1
    "intmeth": _intmeth,  # 3.1.1.2
    "esc01": _esc01,  # 3.1.1.3
    "escnull": _escnull,  # 3.1.1.4
    "esc02": _esc02,  # 3.1.1.5
    "lwsdisp": _lwsdisp,  # 3.1.1.6
    "longreq": _longreq,  # 3.1.1.7
    "dblreq": _dblreq,  # 3.1.1.8
    "semiuri": _semiuri,  # 3.1.1.9
    "transports": _transports,  # 3.1.1.10
    "mpart01": _mpart01,  # 3.1.1.11
    "unreason": _unreason,  # 3.1.1.12
    "noreason": _noreason,  # 3.1.1.13
    "baddate": _baddate,  # 3.1.2.12: Date is of no use to us, and kept as it is
    "regbadct": _regbadct,  # 3.1.2.13: found when the Contact is looked at
    "baddn": _baddn,  # 3.1.2.15: read as it is meant
    "badbranch": _badbranch,  # 3.2.1: matched as RFC 2543 did
    "unkscm": _unkscm,  # 3.3.2
    "novelsc": _novelsc,  # 3.3.3
    "unksm2": _unksm2,  # 3.3.4
    "bext01": _bext01,  # 3.3.5
    "invut": _invut,  # 3.3.6
    "regaut01": _regaut01,  # 3.3.7
    "bcast": _bcast,  # 3.3.10
    "zeromf": _zeromf,  # 3.3.11
    "cparam01": _cparam01,  # 3.3.12
    "cparam02": _cparam02,  # 3.3.13
    "regescrt": _regescrt,  # 3.3.14
    "sdp01": _sdp01,  # 3.3.15
    "inv2543": _inv2543,  # 3.4.1
}

#: By name: response deserved, words of the reason.
REFUSED: dict[str, tuple[int, str]] = {
    "badinv01": (400, "Via has malformed parameters"),  # 3.1.2.1
    "clerr": (400, "shorter than Content-Length"),  # 3.1.2.2
    "ncl": (400, "Content-Length is not a number"),  # 3.1.2.3
    "scalar02": (400, "CSeq is larger"),  # 3.1.2.4
    "quotbal": (400, "To: the quoted display name is not closed"),  # 3.1.2.6
    "ltgtruri": (400, "request URI"),  # 3.1.2.7
    "lwsruri": (400, "one space"),  # 3.1.2.8
    "lwsstart": (400, "one space"),  # 3.1.2.9
    "trws": (400, "one space"),  # 3.1.2.10
    "escruri": (400, "request URI has headers"),  # 3.1.2.11
    "badaspec": (400, "To: the URI has no scheme"),  # 3.1.2.14
    "badvers": (505, "version"),  # 3.1.2.16
    "mismatch01": (400, "method of CSeq"),  # 3.1.2.17
    "mismatch02": (400, "method of CSeq"),  # 3.1.2.18
    "insuf": (400, "From is missing"),  # 3.3.1
    "multi01": (400, "more than once"),  # 3.3.8
    "mcl01": (400, "Content-Length is given twice"),  # 3.3.9
}

DROPPED: dict[str, str] = {
    "scalarlg": "CSeq is larger",  # 3.1.2.5
    "bigcode": "number from 100 to 699",  # 3.1.2.19
}


def test_every_file_has_one_outcome() -> None:
    outcomes = [*PARSED, *REFUSED, *DROPPED]
    assert sorted(outcomes) == sorted(path.stem for path in _FILES.glob("*.dat"))
    assert len(outcomes) == len(set(outcomes)) == 49


@pytest.mark.parametrize("name", PARSED)
def test_parsed(name: str) -> None:
    message = parse(_read(name))
    PARSED[name](message)
    assert parse(message.encode()) == message


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    status, reason = REFUSED[name]
    with pytest.raises(ParseError) as caught:
        parse(_read(name))
    assert reason in caught.value.reason
    assert caught.value.status == status
    assert isinstance(caught.value, MalformedMessage)
    answer = response_to(caught.value.partial, status, to_tag="x")
    assert answer.encode().startswith(b"SIP/2.0 %d " % status)
    assert caught.value.partial.via.host


@pytest.mark.parametrize("name", DROPPED)
def test_dropped(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(_read(name))
    assert DROPPED[name] in caught.value.reason
    assert not isinstance(caught.value, MalformedMessage)


@pytest.mark.parametrize("name", sorted({*PARSED, *REFUSED, *DROPPED} - {"ncl", "mcl01", "clerr"}))
def test_framed_as_it_stands(name: str) -> None:
    """Over TCP: the whole file, but for what dblreq, bigcode and others carry behind their end."""
    data = _read(name)
    framer = StreamFramer()
    if b"ength" not in data and b"\r\nl:" not in data.lower():
        with pytest.raises(ParseError, match="Content-Length is missing"):
            feed(framer, data)
        return
    framer.push(data)
    first = framer.pop()
    assert first is not None
    assert data.startswith(first)


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_broken_framing_ends_the_stream(name: str) -> None:
    with pytest.raises(ParseError):
        feed(StreamFramer(), _read(name))


def test_a_body_that_is_too_short_is_waited_for() -> None:
    assert feed(StreamFramer(), _read("clerr")) == []
