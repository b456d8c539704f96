"""What clients are shown of the parts of an INVITE beside its session description."""

import asyncio
import base64
from pathlib import Path

from config.inbound import Inbound as Route
from engine.inbound.other_bodies import MOST_BODIES, MOST_BYTES, other_bodies
from sip.message.message import Request
from sip.message.uri import parse_uri
from tests.support.phones.scripted import incoming
from tests.support.reception import Reception, reception

ISUP = b"\x01\x00\x49\x00\x00\x03\x02"


def multipart(*parts: tuple[str, bytes]) -> bytes:
    whole = b"".join(
        b"--b\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts
    )
    return whole + b"--b--\r\n"


def invite(*parts: tuple[str, bytes], boundary: str = "b") -> Request:
    fields = [("Content-Type", f"multipart/mixed;boundary={boundary}")]
    return Request("INVITE", parse_uri("sip:a@192.0.2.1"), fields, multipart(*parts))


SDP = ("Content-Type: application/sdp", b"v=0\r\n")


def test_a_location_is_text_and_isup_is_base64() -> None:
    request = invite(
        SDP,
        ("Content-Type: application/pidf+xml", b"<presence/>"),
        (
            "Content-Type: application/ISUP;version=itu-t92+\r\n"
            "Content-Disposition: signal;handling=optional",
            ISUP,
        ),
    )
    assert other_bodies(request) == [
        {"content_type": "application/pidf+xml", "bytes": 11, "text": "<presence/>"},
        {
            "content_type": "application/isup",
            "bytes": len(ISUP),
            "disposition": "signal;handling=optional",
            "base64": base64.b64encode(ISUP).decode(),
        },
    ]


def test_what_is_no_utf8_is_base64() -> None:
    (shown,) = other_bodies(invite(SDP, ("Content-Type: application/isup", b"\xff\xfe")))
    assert shown["base64"] == base64.b64encode(b"\xff\xfe").decode()


def test_what_is_too_long_is_named_and_not_kept() -> None:
    long = ("Content-Type: text/plain", b"x" * (MOST_BYTES - 3))
    shown = other_bodies(
        invite(SDP, long, ("Content-Type: a/b", b"four"), ("Content-Type: c/d", b"two"))
    )
    assert [(one["bytes"], "text" in one) for one in shown] == [
        (MOST_BYTES - 3, True),
        (4, False),
        (3, True),
    ]


def test_many_parts_are_not_all_shown() -> None:
    parts = [("Content-Type: text/plain", b"x")] * (MOST_BODIES + 1)
    assert len(other_bodies(invite(SDP, *parts))) == MOST_BODIES


def test_other_bodies_of_none() -> None:
    assert other_bodies(invite(SDP)) == []
    assert other_bodies(invite(SDP, boundary="another")) == []
    plain = Request("INVITE", parse_uri("sip:a@192.0.2.1"), [], b"v=0\r\n")
    assert other_bodies(plain) == []


def test_they_are_shown_with_the_call_and_when_it_comes_in(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        for dialled in ("+442079460000", "+442079460001"):
            phone = incoming(dialled)
            phone.request.add_field("Content-Type", "multipart/mixed;boundary=b")
            phone.request.body = multipart(SDP, ("Content-Type: text/plain", b"here"))
            desk.call(phone)
            await asyncio.sleep(0.1)
            expected = [{"content_type": "text/plain", "bytes": 4, "text": "here"}]
            assert desk.stage.last("call.incoming")["bodies"] == expected
            (call,) = desk.stage.services.registry.calls.values()
            assert call.view()["bodies"] == expected
            phone.cancels()
            await asyncio.sleep(0.1)
            assert "bodies" not in desk.stage.last("call.ended")

    routes = [
        Route(name="handed", number="+442079460001", handler="client"),
        Route(name="shop", queue="sales"),
    ]
    reception(tmp_path, script, routes=routes)
