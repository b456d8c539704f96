"""Where messages of browsers come in and go out: registrations, addresses, order, translation."""

import asyncio

import pytest

from sip.hop import Hop
from sip.message.message import Fields, Request
from sip.message.parser import parse
from sip.sdp.description import SessionDescription
from sip.transport import web_edge
from sip.transport.resolver import ResolutionFailed
from sip.transport.web_edge import (
    BROWSERS_HOST,
    Untranslated,
    WebEdge,
    browser_peer,
    is_of_browser,
    is_of_page,
    page_peer,
)

HOP, OTHER = Hop("wss", "192.0.2.7", 50000), Hop("wss", "192.0.2.8", 50000)


class KnownBrowsers:
    """What is known of browsers, as the test says it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes, bool]] = []
        self.ended: list[str] = []
        self.left: list[tuple[Hop, bool]] = []
        self.held: dict[str, asyncio.Event] = {}
        self.may = True
        self.fails = False

    def register(self, request: Request, hop: Hop, now: float) -> tuple[int, Fields]:
        return 200, [("Contact", f"<sip:x>;expires={now:g}")]

    def hop_of(self, name: str, now: float) -> Hop | None:
        return HOP if name == "anna" else None

    def contact_at(self, hop: Hop) -> str | None:
        return "sip:q7@x.invalid;transport=ws" if hop == HOP else None

    def gone(self, hop: Hop, *, is_silent: bool) -> None:
        self.left.append((hop, is_silent))

    def may_call(self, invite: Request, hop: Hop, now: float) -> bool:
        return self.may

    async def to_plain(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        return await self._translated("plain", call_id, session.encode(), is_offer)

    async def to_web(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        return await self._translated("web", call_id, session.encode(), is_offer)

    async def _translated(self, way: str, call_id: str, body: bytes, is_offer: bool) -> bytes:
        if call_id in self.held:
            await self.held[call_id].wait()
        if self.fails:
            raise Untranslated("the process does not answer")
        self.asked.append((way, call_id, body, is_offer))
        return b"v=0\r\ns=" + way.encode() + b"\r\n"

    def call_ids(self) -> set[str]:
        return {call_id for _way, call_id, _body, _offer in self.asked} - set(self.ended)

    def end(self, call_id: str) -> None:
        self.ended.append(call_id)


class Edge:
    """An edge, and what it has handed on."""

    def __init__(self) -> None:
        self.browsers = KnownBrowsers()
        self.delivered: list[bytes] = []
        self.transmitted: list[tuple[Hop, bytes]] = []
        self.known: set[str] = set()
        self.edge = WebEdge(
            self.browsers,
            clock=lambda: 60.0,
            deliver=lambda data, _hop: self.delivered.append(data),
            transmit=lambda hop, data: self.transmitted.append((hop, data)),
            knows_call=lambda call_id: call_id in self.known,
        )


SDP = "v=0\r\ns=browser\r\n"


def request(method: str, call_id: str = "c1", *, number: int = 1, sdp: bool | str = True) -> bytes:
    body = sdp if isinstance(sdp, str) else SDP if sdp else ""
    kind = "Content-Type: application/sdp\r\n" if sdp else ""
    return (
        f"{method} sip:anna@{BROWSERS_HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/WSS h;branch=z9hG4bK{number}\r\n"
        f"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {number} {method}\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def response(status: int, method: str = "INVITE", *, number: int = 1) -> bytes:
    _line, _, rest = request(method, number=number).partition(b"\r\n")
    return b"SIP/2.0 %d X\r\n%s" % (status, rest)


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def test_a_register_is_answered_on_its_connection() -> None:
    made = Edge()
    made.edge.received(request("REGISTER", sdp=False), HOP)
    ((hop, data),) = made.transmitted
    assert hop == HOP and data.startswith(b"SIP/2.0 200 OK") and b"expires=60" in data
    assert parse(data).to.tag
    assert not made.delivered
    made.edge.received(b"REGISTER nonsense", HOP)
    assert made.delivered == [b"REGISTER nonsense"]


async def test_our_own_name_of_a_browser_is_replaced_by_its_own() -> None:
    made = Edge()
    made.edge.send(HOP, request("CANCEL", sdp=False))
    made.edge.send(OTHER, request("CANCEL", sdp=False))
    assert [data.partition(b"\r\n")[0] for _hop, data in made.transmitted] == [
        b"CANCEL sip:q7@x.invalid;transport=ws SIP/2.0",
        f"CANCEL sip:anna@{BROWSERS_HOST} SIP/2.0".encode(),
    ]


async def test_a_name_leads_to_the_browser_that_is_signed_in() -> None:
    made = Edge()
    assert made.edge.hop_of(f"sip:anna@{BROWSERS_HOST}") == HOP
    assert made.edge.hop_of("sip:anna@192.0.2.1") is None
    with pytest.raises(ResolutionFailed, match="no browser is signed in as bert"):
        made.edge.hop_of(f"sip:bert@{BROWSERS_HOST}")


async def test_a_lost_connection_is_told() -> None:
    made = Edge()
    made.edge.gone(HOP, is_silent=True)
    assert made.browsers.left == [(HOP, True)]


async def test_offers_and_answers_of_both_sides_are_told_apart() -> None:
    made = Edge()
    made.edge.received(request("INVITE"), HOP)
    await settle()
    made.known.add("c1")
    made.edge.send(HOP, response(183))
    made.edge.send(HOP, response(200))
    made.edge.received(request("ACK", sdp=False), HOP)
    made.edge.send(HOP, request("INVITE", number=7))
    await settle()
    made.edge.received(response(200, number=7), HOP)
    # An INVITE without a description: the answer offers, and the ACK answers.
    made.edge.send(HOP, request("INVITE", number=8, sdp=False))
    made.edge.received(response(200, number=8), HOP)
    await settle()
    made.edge.send(HOP, request("ACK", number=8))
    await settle()
    assert [(way, offer) for way, _call, _body, offer in made.browsers.asked] == [
        ("plain", True),
        ("web", False),
        ("web", False),
        ("web", True),
        ("plain", False),
        ("plain", True),
        ("web", False),
    ]
    assert parse(made.delivered[0]).body == b"v=0\r\ns=plain\r\n"
    assert b"Content-Length: 14\r\n" in made.delivered[0]


async def test_the_order_of_a_connection_stays_as_it_is() -> None:
    made = Edge()
    made.browsers.held["c1"] = asyncio.Event()
    made.edge.received(request("INVITE"), HOP)
    made.edge.received(request("CANCEL", sdp=False), HOP)
    made.edge.received(request("OPTIONS", sdp=False), OTHER)
    await settle()
    assert [one.partition(b" ")[0] for one in made.delivered] == [b"OPTIONS"]
    made.browsers.held["c1"].set()
    await settle()
    assert [one.partition(b" ")[0] for one in made.delivered] == [b"OPTIONS", b"INVITE", b"CANCEL"]
    made.edge.received(request("BYE", sdp=False), HOP)
    assert made.delivered[-1].startswith(b"BYE")


async def test_who_may_not_call_costs_no_translation() -> None:
    made = Edge()
    made.browsers.may = False
    made.edge.received(request("INVITE"), HOP)
    made.edge.received(request("UPDATE", "nobody-knows-this"), HOP)
    made.edge.received(response(200), HOP)
    await settle()
    assert not made.browsers.asked
    assert made.delivered == [
        request("INVITE"),
        request("UPDATE", "nobody-knows-this"),
        response(200),
    ]


async def test_what_cannot_be_translated_goes_on_without_its_audio() -> None:
    made = Edge()
    made.browsers.fails = True
    plain = "m=audio 9 RTP/AVP 0\r\n"
    made.edge.received(request("INVITE", sdp=SDP + plain), HOP)
    broken = request("INVITE", "c2").replace(b"v=0\r\ns", b"v=0\r\n\0")
    made.edge.received(broken, HOP)
    await settle()
    declined, unread = made.delivered
    assert b"m=audio 0 RTP/AVP 0" in declined and b"m=audio 9" not in declined
    assert unread == broken
    made.delivered.clear()
    made.edge.send(HOP, request("INVITE", "c3"))  # our own goes out as it is
    await settle()
    assert made.transmitted[-1][1].endswith(SDP.encode())


async def test_too_many_messages_that_wait_are_dropped() -> None:
    made = Edge()
    made.browsers.held["c1"] = asyncio.Event()
    for number in range(250):
        made.edge.received(request("INVITE", number=number + 1), HOP)
    made.browsers.held["c1"].set()
    for _ in range(100):
        await settle()
    assert 190 < len(made.delivered) < 210


async def test_what_is_kept_of_a_call_ends_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_edge, "SWEEP_S", 0.0)
    made = Edge()
    made.known.add("c1")
    made.edge.received(request("INVITE"), HOP)
    for _ in range(10):
        await settle()
    assert not made.browsers.ended
    made.known.clear()
    for _ in range(10):
        await settle()
    assert made.browsers.ended == ["c1"]
    assert made.edge._sweep is None


async def test_what_waits_is_given_up_at_the_end() -> None:
    made = Edge()
    made.browsers.held["c1"] = asyncio.Event()
    made.edge.received(request("INVITE"), HOP)
    await settle()
    await made.edge.close()
    assert not made.delivered


def test_calls_of_browsers_are_told_from_those_of_trunks() -> None:
    assert is_of_browser(browser_peer("anna")) and not is_of_page(browser_peer("anna"))
    assert is_of_browser(page_peer("shop")) and is_of_page(page_peer("shop"))
    assert not is_of_browser("trunk:pbx")
