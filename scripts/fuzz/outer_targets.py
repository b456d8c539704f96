"""More that is fuzzed: web forms, answers of name servers, talk of engine and worker, SRTP keys."""

import asyncio
import base64
import contextlib
import json
from functools import cache
from typing import Any

import dns.asyncresolver
import dns.message
import dns.nameserver
import dns.query
import msgspec

from config.sites import Site
from media.protocol.framing import FrameSplitter, FramingError
from media.protocol.messages import LegStats, command_decoder, report_decoder
from sip.sdp.sdes import SUITES, parse_crypto
from sip.transport.dns.name_servers import NameServers
from sip.transport.dns.records import Kind, NameServiceError, Naptr, Srv
from web.client_address import ClientAddresses
from web.errors import Refusal
from web.proof_of_work import ProofOfWork
from web.signing import Signing
from web.visitor_request import CallbackForm, RatingForm, kept_context, read_form, slot_time

NOW = 1_800_000_000.0
NAME = "example.com"
MOST_CONTEXT_BYTES = 64 * 1024
_KINDS: tuple[Kind, ...] = ("A", "AAAA", "SRV", "NAPTR")
_SITE = Site(
    queue="sales",
    name="shop",
    key="shop-key",
    context=["page", "pages", "basket"],
    origins=["https://shop.example"],
)


def form(data: bytes) -> None:
    """What a page sends: what is kept of it is bounded, and nothing of it is believed."""
    signing = Signing(b"secret of the fuzzed gateway")
    with contextlib.suppress(Refusal):
        read_form(RatingForm, data)
    with contextlib.suppress(Refusal):
        asked = read_form(CallbackForm, data)
        kept = json.dumps(kept_context(_SITE, asked, "192.0.2.1", NOW))
        assert len(kept) <= MOST_CONTEXT_BYTES
        assert signing.is_callback_id(signing.callback_id(_SITE.key, asked.key))
        with contextlib.suppress(Refusal):
            at = slot_time(asked.when, NOW + 86_400.0)
            assert at is None or at <= NOW + 86_400.0
        if asked.proof is not None:
            ProofOfWork(signing).check(asked.proof.challenge, asked.proof.answers, _SITE.key, NOW)
            raise AssertionError("a challenge that nobody gave")


def web_text(data: bytes) -> None:
    """Header values and links of strangers: no address that is none, no token that is not ours."""
    text = data.decode("utf-8", "surrogateescape")
    signing = Signing(b"secret of the fuzzed gateway")
    found = ClientAddresses(["192.0.2.0/24"]).of("192.0.2.1", [text])
    assert str(found)
    assert not signing.is_link_token("cb-1", text)
    assert signing.unseal("challenge", text) is None


def name_service(data: bytes) -> None:
    """An answer of a name server to each kind of question, whatever its number was."""
    for kind in _KINDS:
        with contextlib.suppress(NameServiceError):
            answer = _loop().run_until_complete(_answering(data).ask(NAME, kind, 1.0))
            assert answer.ttl_s >= 0.0
            for record in answer.records:
                is_service = isinstance(record, Srv | Naptr)
                assert is_service == (kind in ("SRV", "NAPTR"))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _answering(data: bytes) -> NameServers:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [_Canned(data)]
    resolver.retry_servfail = False
    servers = NameServers((("192.0.2.53", 53),))
    servers._resolver = resolver
    return servers


class _Canned(dns.nameserver.Nameserver):
    """A name server that answers every question with the same bytes, and the right number."""

    def __init__(self, data: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._data = data

    def __str__(self) -> str:
        return "192.0.2.53"

    def kind(self) -> str:
        return "Do53"

    def is_always_max_size(self) -> bool:
        return True

    def answer_nameserver(self) -> str:
        return "192.0.2.53"

    def answer_port(self) -> int:
        return 53

    async def async_query(
        self, request: dns.message.QueryMessage, *_rest: Any, **_more: Any
    ) -> dns.message.Message:
        """See sip/transport/dns/name_servers.py: what it reads of a long answer."""
        wire = request.to_wire()[:2] + self._data[2:]
        response = dns.message.from_wire(wire)
        if not request.is_response(response):
            raise dns.query.BadResponse
        return response


def worker_messages(data: bytes) -> None:
    """What engine and media worker send each other, in two pieces, and what is in its frames."""
    cut = data[0] if data else 0
    splitter, bodies = FrameSplitter(), [data]
    with contextlib.suppress(FramingError):
        for piece in (data[1 : 1 + cut], data[1 + cut :]):
            bodies += splitter.feed(piece)
    for body in bodies:
        with contextlib.suppress(msgspec.DecodeError):
            msgspec.msgpack.decode(body, type=LegStats)
        for decoder in (command_decoder, report_decoder):
            with contextlib.suppress(msgspec.DecodeError):
                decoder.decode(body)


def keys(data: bytes) -> None:
    """The value of a=crypto: a key that is read is one of its suite, and is written the same."""
    found = parse_crypto(data.decode("utf-8", "surrogateescape"))
    if found is not None:
        assert len(found.key) == SUITES[found.suite]
        assert parse_crypto(found.encode()) == found
        assert base64.b64encode(found.key).decode() not in repr(found)
