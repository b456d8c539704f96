"""Hypothesis strategies for the objects that the SIP room reads and writes."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from sip.message.grammar import quote
from sip.message.headers import canonical_name
from sip.message.message import Request, Response
from sip.message.name_addr import NameAddr
from sip.message.uri import OtherUri, SipUri
from sip.sdp.description import Connection, MediaDescription, Origin, SessionDescription

ALPHANUM = string.ascii_letters + string.digits
TOKEN = ALPHANUM + "-.!%*_+`'~"

tokens = st.text(TOKEN, min_size=1, max_size=12)
#: Text that may stand where UTF-8 may: no line ends, and no surrogates, which are no UTF-8.
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30)
visible = st.text(
    st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20
)

_labels = st.from_regex(r"[a-z](?:[a-z0-9\-]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.one_of(
    st.lists(_labels, min_size=1, max_size=3).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
ports = st.none() | st.integers(1, 65535)

_quoted = lines.map(quote)
_values = st.none() | tokens | _quoted
#: Header parameters as `grammar.parse_params` gives them: lower-case names, raw values.
params = st.dictionaries(tokens.map(str.lower), _values, max_size=4)

_any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
sip_uris = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    host=hosts,
    user=st.none() | _any_text,
    password=st.none(),
    port=ports,
    params=st.dictionaries(
        st.text(ALPHANUM + "-_.!~*'()[]/:&+$ \x00é", min_size=1, max_size=8).map(str.lower),
        st.none() | _any_text,
        max_size=3,
    ),
    headers=st.dictionaries(
        _any_text, st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    ),
) | st.builds(
    SipUri,
    scheme=st.just("sip"),
    host=hosts,
    user=_any_text,
    password=st.text(ALPHANUM, max_size=5),
)
other_uris = st.builds(
    OtherUri,
    scheme=st.sampled_from(["tel", "urn", "http", "soap.beep"]),
    rest=st.text(ALPHANUM + "+-.:/?&=@;,%", min_size=1, max_size=20),
)
uris = sip_uris | other_uris

name_addrs = st.builds(NameAddr, uri=uris, display_name=st.none() | lines, params=params)

_header_names = tokens.map(canonical_name).filter(
    lambda name: (
        name
        not in {
            "Via",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Content-Length",
            "Content-Type",
            "Expires",
            "Max-Forwards",
        }
    )
)
_extra_headers = st.lists(
    st.tuples(_header_names, lines.map(lambda text: text.strip(" \t"))), max_size=6
)
methods = st.sampled_from(["INVITE", "ACK", "BYE", "OPTIONS"]) | tokens


@st.composite
def _fields(draw: st.DrawFn, method: str) -> list[tuple[str, str]]:
    fields = [
        ("Via", f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{draw(tokens)}"),
        ("From", draw(name_addrs).encode()),
        ("To", draw(name_addrs).encode()),
        ("Call-ID", draw(visible)),
        ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
        *draw(_extra_headers),
    ]
    return draw(st.permutations(fields))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Valid requests of every shape."""
    method = draw(methods)
    uri = draw(uris)
    if isinstance(uri, SipUri) and uri.headers:
        uri = SipUri(uri.scheme, uri.host, uri.user, uri.password, uri.port, uri.params)
    return Request(method, uri, draw(_fields(method)), draw(st.binary(max_size=80)))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Valid responses of every shape."""
    fields = draw(_fields(draw(methods)))
    return Response(draw(st.integers(100, 699)), draw(lines), fields, draw(st.binary(max_size=80)))


messages = st.one_of(requests(), responses())

_words = st.text(ALPHANUM + "-./", min_size=1, max_size=8)
_sdp_values = lines.filter(lambda text: "\0" not in text)
_numbers = st.integers(0, 2**64).map(str)
_connections = st.builds(Connection, address_type=st.sampled_from(["IP4", "IP6"]), host=hosts)
_attributes = st.lists(
    st.tuples(st.text(ALPHANUM + "-", min_size=1, max_size=8), st.none() | _sdp_values), max_size=4
)


def _other_lines(before: str, after: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    def part(kinds: str) -> st.SearchStrategy[list[tuple[str, str]]]:
        return st.lists(st.tuples(st.sampled_from(kinds), _sdp_values), max_size=2)

    return st.tuples(part(before), part(after)).map(lambda parts: parts[0] + parts[1])


_media = st.builds(
    MediaDescription,
    connection=st.none() | _connections,
    lines=_other_lines("i", "bk"),
    attributes=_attributes,
    media=st.sampled_from(["audio", "video", "image"]),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl"]),
    formats=st.lists(_words, min_size=1, max_size=4),
    port_count=st.none() | st.integers(0, 9),
)
session_descriptions = st.builds(
    SessionDescription,
    connection=st.none() | _connections,
    lines=_other_lines("iuep", "btrzk"),
    attributes=_attributes,
    origin=st.builds(
        Origin,
        username=_words,
        session_id=_numbers,
        version=_numbers,
        address_type=st.sampled_from(["IP4", "IP6"]),
        host=hosts,
    ),
    name=_sdp_values,
    media=st.lists(_media, max_size=3),
)
