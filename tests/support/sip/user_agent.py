"""A user agent alone, and the text of requests that come to it."""

import random

from sip.hop import Hop
from sip.message.message import Response
from sip.message.parser import parse
from sip.rate_limit import RateLimit, SourceRates
from sip.user_agent import Bounds, UserAgent

PEER = Hop("udp", "192.0.2.2", 5060)


def agent(rate_limit: RateLimit | None = None, bounds: Bounds | None = None) -> UserAgent:
    """A user agent that listens on UDP."""
    return UserAgent(
        local={"udp": ("192.0.2.1", 5060)},
        rng=random.Random(1),
        rates=None if rate_limit is None else SourceRates(rate_limit),
        bounds=bounds,
    )


def raw(
    method: str = "OPTIONS",
    *,
    uri: str = "sip:ringback@192.0.2.1",
    branch: str = "z9hG4bK1",
    to: str = "<sip:ringback@192.0.2.1>",
    call_id: str = "c1",
    extra: str = "",
    body: str = "",
) -> bytes:
    """The text of a request."""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.2:5060;branch={branch}\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:x@192.0.2.2>;tag=x1\r\n"
        f"To: {to}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def ask(ua: UserAgent, data: bytes, source: Hop = PEER) -> list[tuple[Hop, Response]]:
    """The responses to a request, and where each goes."""
    ua.receive(data, source, 0.0)
    answers = []
    for hop, sent in ua.take_output():
        message = parse(sent)
        assert isinstance(message, Response)
        answers.append((hop, message))
    return answers


def status(ua: UserAgent, data: bytes) -> int:
    """The status of the one response to a request."""
    ua.receive(data, PEER, 0.0)
    ((_, sent),) = ua.take_output()
    assert sent.startswith(b"SIP/2.0 ")
    return int(sent[8:11])


def nothing_kept(ua: UserAgent) -> bool:
    """Whether it has no session, no transaction and no timer."""
    return (ua.session_count, ua.transaction_count, ua.timer_count) == (0, 0, 0)
