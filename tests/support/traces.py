"""Calls and messages of a trace, for tests."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from config.tracing import Trace as TraceSettings
from engine.job import LegRecord
from engine.trace.trace import Trace
from ringback_client import Client
from sip.hop import Hop

OURS = Hop("udp", "192.0.2.1", 5060)
AGENT = Hop("udp", "192.0.2.10", 5061)
CUSTOMER = Hop("udp", "192.0.2.20", 5062)
STRANGER = Hop("udp", "203.0.113.5", 5060)


@dataclass
class AnyCall:
    """A call as the trace sees it."""

    id: str
    job_id: str | None = None
    direction: Literal["inbound", "outbound"] = "outbound"
    about: Mapping[str, Any] = field(default_factory=dict)
    started: float = 0.0
    bridged_at: float | None = None
    ending: tuple[str, str] | None = None


def leg(
    name: str = "leg-1",
    role: Literal["agent", "customer"] = "agent",
    *,
    call_id: str | None = None,
) -> LegRecord:
    """A leg that begins, by a dialog with this Call-ID."""
    uri = f"sip:{role}@192.0.2.9"
    return LegRecord(leg=name, role=role, uri=uri, started=0.0, call_id=call_id)


def request(
    method: str, call_id: str, *, cseq: int = 1, body: bytes = b"", more: str = ""
) -> bytes:
    """A request as it is on the wire."""
    head = (
        f"{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}\r\n"
        f"From: <sip:+442079460000@192.0.2.1>;tag=1\r\nTo: <sip:alice@192.0.2.9>\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def response(status: str, call_id: str, *, of: str = "INVITE", cseq: int = 1) -> bytes:
    """A response as it is on the wire."""
    return (
        f"SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}\r\n"
        f"From: <sip:+442079460000@192.0.2.1>;tag=1\r\nTo: <sip:alice@192.0.2.9>;tag=2\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {of}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Ticking:
    """A clock on which every look takes a millisecond."""

    def __init__(self, at: float = 1_000.0) -> None:
        self._ticks = itertools.count()
        self._at = at

    def __call__(self) -> float:
        return self._at + next(self._ticks) / 1000


def trace(**settings: Any) -> Trace:
    """A trace with a clock of its own."""
    sink = settings.pop("sink", None)
    return Trace(TraceSettings(**settings), sink=sink, clock=Ticking())


def one_call(kept: Trace, name: str, *, job: str | None = None, size: int = 0) -> AnyCall:
    """A call of one leg, from INVITE to BYE, that is over."""
    call = AnyCall(name, job)
    kept.sent(request("INVITE", f"sip-{name}", body=b"x" * size), AGENT, OURS)
    kept.belongs(call, leg(f"leg-{name}", call_id=f"sip-{name}"))
    kept.received(response("200 OK", f"sip-{name}"), AGENT, OURS)
    kept.sent(request("BYE", f"sip-{name}", cseq=2), AGENT, OURS)
    kept.over(name)
    return call


def inbound(kept: Trace, name: str, site: str, *, is_over: bool = True) -> None:
    """A call that came in for a site."""
    kept.received(request("INVITE", f"sip-{name}"), STRANGER, OURS)
    about = {"from": "+442079460000", "number": "+442079460000", "context": {"site": site}}
    call = AnyCall(name, direction="inbound", about=about, started=1_000.0)
    kept.belongs(call, leg(f"leg-{name}", "customer", call_id=f"sip-{name}"))
    if is_over:
        kept.over(name)


async def failed_job(client: Client, job: str, site: str) -> None:
    """A callback that ends because nobody listens where the agent is called."""
    async with client.events(["callback.failed"]) as events:
        await client.call(
            "callback.request", id=job, to="+442079460000", agent="alice", site=site, join=False
        )
        async with asyncio.timeout(40):
            async for event in events:
                if event.get("job") == job:
                    return
