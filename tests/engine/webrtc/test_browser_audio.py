"""Browsers that call and are called, and the sound of both ways, with aiortc as the browser."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.webrtc.browser_audio import BrowserAudio
from media.webrtc.messages import IceServers
from sip.dialog.uac import Invitation
from sip.events import Answered, Event, IncomingInvite
from sip.hop import Hop
from sip.message.message import Fields, Request
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import LocalAudio
from sip.transport.web_edge import Untranslated
from tests.support.phones.real.aiortc_browser import AiortcBrowser, field
from tests.support.phones.real.coturn import SECRET, Coturn
from tests.support.sip.endpoint import ObservedEndpoint, running
from tests.support.waiting import until

TONE_HZ = 620.0


class EchoingPhone(asyncio.DatagramProtocol):
    """A plain phone that sends back what it hears."""

    def __init__(self) -> None:
        self.packets = 0

    async def open(self) -> int:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.packets += 1
        self.transport.sendto(data, addr)


class AnyBrowser(BrowserAudio):
    """Everybody may call, and nobody is signed in."""

    def register(self, request: Request, hop: Hop, now: float) -> tuple[int, Fields]:
        return 403, []

    def hop_of(self, name: str, now: float) -> Hop | None:
        return None

    def contact_at(self, hop: Hop) -> str | None:
        return None

    def gone(self, hop: Hop, *, is_silent: bool) -> None:
        pass

    def may_call(self, invite: Request, hop: Hop, now: float) -> bool:
        return True


@asynccontextmanager
async def echoing(servers: IceServers) -> AsyncIterator[str]:
    """The URL at which browsers call, and hear themselves from an echo."""
    echo = EchoingPhone()
    audio = LocalAudio("127.0.0.1", await echo.open())
    web = AnyBrowser(servers, "127.0.0.1")
    phone = ObservedEndpoint("ws:127.0.0.1:0", browsers=web)

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            phone.endpoint.accept(event.session, audio)

    phone.react = react
    async with running(phone):
        yield f"http://127.0.0.1:{phone.port}/"
        await web.close()
    echo.transport.close()


async def test_a_browser_that_calls_hears_itself_from_an_echo() -> None:
    async with (
        echoing(IceServers()) as url,
        AiortcBrowser(url, "visitor", tone_hz=TONE_HZ) as browser,
    ):
        await browser.call("sip:shop@ringback", "one-call")
        await until(lambda: browser.power_at(TONE_HZ) > 0.1)
        assert browser.power_at(900.0) < 0.01


async def test_the_sound_goes_through_the_turn_server_alone(tmp_path: Path) -> None:
    async with Coturn(tmp_path) as turn:
        servers = IceServers(turn=turn.uri, turn_secret=SECRET, relay_only=True)
        async with (
            echoing(servers) as url,
            AiortcBrowser(url, "visitor", tone_hz=TONE_HZ) as browser,
        ):
            await browser.call("sip:shop@ringback", "one-call")
            candidates = browser.peer.remoteDescription.sdp.split("a=candidate:")[1:]
            assert candidates and all("typ relay" in one for one in candidates)
            await until(lambda: browser.power_at(TONE_HZ) > 0.1)


async def test_a_browser_that_is_called_hears_itself_from_an_echo() -> None:
    echo = EchoingPhone()
    audio = LocalAudio("127.0.0.1", await echo.open())
    web = AnyBrowser(IceServers(), "127.0.0.1")
    phone = ObservedEndpoint("ws:127.0.0.1:0", browsers=web)
    async with running(phone):
        url = f"http://127.0.0.1:{phone.port}/"
        async with AiortcBrowser(url, "anna", tone_hz=TONE_HZ) as browser:
            await browser.send("OPTIONS", "sip:ringback", "hello")
            await browser.until("SIP/2.0 200")
            (hop,) = phone.endpoint.tcp._connections
            assert isinstance(hop, Hop)
            assert phone.endpoint.tcp.local_address(hop) is not None
            phone.endpoint.tcp.trust(hop)
            assert phone.endpoint.tcp._connections[hop].is_known
            phone.endpoint.invite(
                Invitation(
                    target=f"sip:anna@{browser.host};transport=ws",
                    hop=hop,
                    from_uri="sip:ringback@127.0.0.1",
                    audio=audio,
                )
            )
            invite = await browser.until("INVITE")
            assert "UDP/TLS/RTP/SAVPF" in invite and "a=setup:actpass" in invite
            await browser.answer(invite)
            await phone.until(Answered)
            await until(lambda: browser.power_at(TONE_HZ) > 0.1)
            assert field(await browser.until("ACK"), "CSeq").endswith("ACK")
            # The browser changes the talk: the answer names a part in DTLS, the one there is.
            tag = field(invite, "From").partition(";tag=")[2]
            await browser.peer.setLocalDescription(await browser.peer.createOffer())
            held = browser.peer.localDescription.sdp.replace("a=sendrecv", "a=sendonly")
            call_id = field(invite, "Call-ID")
            await browser.send("INVITE", "sip:ringback", call_id, to_tag=f";tag={tag}", body=held)
            answer = await browser.until("SIP/2.0 200")
            assert "a=setup:passive" in answer and "a=recvonly" in answer
        await web.close()
    echo.transport.close()


PLAIN = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" \
    b"m=audio 4000 RTP/AVP 0\r\n"  # fmt: skip
PROTECTED = PLAIN.replace(b"RTP/AVP", b"UDP/TLS/RTP/SAVPF") + (
    b"a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=setup:actpass\r\n"
    b"a=fingerprint:sha-256 " + b":".join([b"AA"] * 32) + b"\r\na=rtcp-mux\r\na=mid:0\r\n"
)


async def test_what_no_browser_says_is_not_made_plain() -> None:
    audio = BrowserAudio(IceServers(), "127.0.0.1")
    with pytest.raises(Untranslated, match="not protected by DTLS"):
        await audio.to_plain("c1", parse_sdp(PLAIN), is_offer=True)
    await audio.close()


async def test_without_a_process_no_browser_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise OSError("no memory left")

    monkeypatch.setattr(subprocess, "Popen", fails)
    audio = BrowserAudio(IceServers(), "127.0.0.1")
    with pytest.raises(Untranslated, match="no memory left"):
        await audio.to_plain("c1", parse_sdp(PROTECTED), is_offer=True)
    with pytest.raises(Untranslated, match="no memory left"):
        await audio.to_web("c1", parse_sdp(PLAIN), is_offer=True)
    await audio.close()
