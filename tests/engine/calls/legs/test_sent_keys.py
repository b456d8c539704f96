"""Keys to a party: as telephone-events, or by SIP INFO, one after the other."""

import asyncio
from typing import Any, cast

import pytest
from msgspec import structs

from engine.calls.legs.leg_media import LegMedia
from engine.calls.legs.sent_keys import INFO_TYPE, SentKeys
from sip.dialog.session import Session
from sip.endpoint import SipEndpoint
from sip.errors import SipError
from sip.sdp.offer_answer import NegotiatedAudio
from tests.support.phones.scripted import audio
from tests.support.virtual_loop import run


class Media:
    """The media endpoint: how keys go, and what it was told to send."""

    def __init__(self, dtmf: str, *, has_telephone_event: bool = True) -> None:
        self.dtmf = dtmf
        self.has_telephone_event = has_telephone_event
        self.sent: list[tuple[str, int, int]] = []

    def has_keys_as_sound(self, audio: NegotiatedAudio) -> bool:
        return LegMedia.has_keys_as_sound(cast(LegMedia, self), audio)

    def send_keys(self, keys: str, *, duration_ms: int, gap_ms: int) -> None:
        self.sent.append((keys, duration_ms, gap_ms))


class Sip:
    """The SIP endpoint: each INFO, and when it was sent."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.sent: list[tuple[float, bytes]] = []

    def send_info(self, _session: object, content_type: str, body: bytes) -> None:
        if self.refuses:
            raise SipError("the dialog is over")
        assert content_type == INFO_TYPE
        self.sent.append((asyncio.get_running_loop().time(), body))


class Phone(SentKeys):
    """A leg, as far as keys go."""

    def __init__(self, media: Media, sip: Sip | None = None) -> None:
        self.id = "leg-1"
        payload_type = 101 if media.has_telephone_event else None
        self.audio = structs.replace(audio(), telephone_event_payload_type=payload_type)
        self._media = cast(LegMedia, media)
        self._sip = cast(SipEndpoint, sip)
        self._session = cast(Session, object())

    def hang_up(self) -> None:
        self._session = None


def test_telephone_events_are_sent_where_the_phone_takes_them() -> None:
    media = Media("rfc4733")
    phone = Phone(media)
    phone.send_keys("12", duration_ms=100, gap_ms=50)
    assert (media.sent, phone.gets_keys_by_info) == ([("12", 100, 50)], False)
    assert not phone.gets_keys_as_sound


@pytest.mark.parametrize(
    ("mode", "is_sound"), [("rfc4733", True), ("inband", True), ("info", False)]
)
def test_where_there_are_none_keys_go_as_sound_or_by_info(mode: Any, is_sound: bool) -> None:
    phone = Phone(Media(mode, has_telephone_event=False))
    assert phone.gets_keys_as_sound is is_sound
    phone.audio = None  # nothing is agreed on yet
    assert not phone.gets_keys_as_sound


def test_keys_go_by_info_one_after_the_other() -> None:
    async def main() -> Any:
        sip = Sip()
        phone = Phone(Media("info", has_telephone_event=False), sip)
        began = asyncio.get_running_loop().time()
        phone.send_keys("5#", duration_ms=100, gap_ms=50)
        await asyncio.sleep(1.0)
        return [(round(at - began, 3), body) for at, body in sip.sent]

    assert run(main()) == [
        (0.0, b"Signal=5\r\nDuration=100\r\n"),
        (0.15, b"Signal=#\r\nDuration=100\r\n"),
    ]


def test_nothing_is_sent_after_the_end_and_a_refusal_ends_nothing() -> None:
    async def main() -> list[tuple[float, bytes]]:
        sip = Sip()
        phone = Phone(Media("info"), sip)
        phone.send_keys("123")
        await asyncio.sleep(0.01)
        phone.hang_up()
        refusing = Phone(Media("info"), Sip(refuses=True))
        refusing.send_keys("1")
        await asyncio.sleep(1.0)
        return sip.sent

    assert len(run(main())) == 1
