"""A browser without a window: aiortc's WebRTC, and SIP over a WebSocket (RFC 7118)."""

import asyncio
import contextlib
import fractions
import hashlib
import re
import secrets
from types import TracebackType
from typing import Any

import aiohttp
import numpy as np
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

HZ = 8000
FRAME = 160
LIMIT_S = 60.0


class Tone(AudioStreamTrack):
    """A microphone that hears one tone."""

    def __init__(self, frequency_hz: float) -> None:
        super().__init__()
        self._hz = frequency_hz
        self._sample = 0
        self._next = 0.0

    async def recv(self) -> AudioFrame:
        """The next 20 ms."""
        loop = asyncio.get_running_loop()
        self._next = max(self._next + FRAME / HZ, loop.time() - 0.1)
        await asyncio.sleep(max(0.0, self._next - loop.time()))
        at = (np.arange(FRAME) + self._sample) / HZ
        samples = (8000 * np.sin(2 * np.pi * self._hz * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = HZ, self._sample
        frame.time_base = fractions.Fraction(1, HZ)
        self._sample += FRAME
        return frame


class AiortcBrowser:
    """One browser; an asynchronous context. `heard` are the samples of its loudspeaker at 8 kHz."""

    def __init__(self, url: str, user: str, *, tone_hz: float, origin: str | None = None) -> None:
        self.url = url
        self._origin = origin
        self.user = user
        self._tone_hz = tone_hz
        self.heard: list[np.ndarray[Any, np.dtype[np.int16]]] = []
        self.received: list[str] = []
        self._arrived = asyncio.Event()
        self._http = aiohttp.ClientSession()
        self.tag = secrets.token_hex(4)
        self.host = f"{secrets.token_hex(6)}.invalid"
        self._tasks: set[asyncio.Task[None]] = set()
        self.peer = self._new_peer()
        self._cseq = 0

    def _new_peer(self) -> RTCPeerConnection:
        peer = RTCPeerConnection()
        peer.addTrack(Tone(self._tone_hz))
        peer.on("track", lambda track: self._begin(self._listen(track)))
        return peer

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

    async def _listen(self, track: Any) -> None:
        from av import AudioResampler

        resampler = AudioResampler(format="s16", layout="mono", rate=HZ)
        with contextlib.suppress(Exception):  # the track has ended
            while True:
                for frame in resampler.resample(await track.recv()):
                    self.heard.append(frame.to_ndarray()[0])

    async def __aenter__(self) -> "AiortcBrowser":
        self.socket = await self._http.ws_connect(self.url, protocols=("sip",), origin=self._origin)
        self._begin(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()
        await self._http.close()

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.received.append(message.data)
                self._arrived.set()

    async def until(self, start: str) -> str:
        """The first message that begins so, which is taken out."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for place, text in enumerate(self.received):
                    if text.startswith(start):
                        return self.received.pop(place)
                self._arrived.clear()
                await self._arrived.wait()

    async def send(
        self,
        method: str,
        target: str,
        call_id: str,
        *,
        to_tag: str = "",
        cseq: int | None = None,
        more: str = "",
        body: str = "",
    ) -> None:
        """Send a request."""
        if cseq is None:
            self._cseq += 1
        number = self._cseq if cseq is None else cseq
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.socket.send_str(
            f"{method} {target} SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {self.host};branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@ringback>;tag={self.tag}\r\n"
            f"To: <{target}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:{self.user}@{self.host};transport=ws>\r\n{more}{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    async def reply(self, request: str, status: str, body: str = "") -> None:
        """Answer a request."""
        fields = re.findall(r"^(?:Via|From|Call-ID|CSeq|Record-Route):.*$", request, re.MULTILINE)
        to = field(request, "To")
        if ";tag=" not in to:
            to += f";tag={self.tag}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.socket.send_str(
            f"SIP/2.0 {status}\r\n"
            + "".join(f"{one.strip()}\r\n" for one in fields)
            + f"To: {to}\r\nContact: <sip:{self.user}@{self.host};transport=ws>\r\n{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    async def register(self, password: str, expires_s: int = 600) -> str:
        """Sign in; the answer to the second REGISTER, or to the first if it is no challenge."""
        call_id, target = secrets.token_hex(8), "sip:ringback"
        contact = f"Expires: {expires_s}\r\n"
        await self._register(call_id, contact)
        answer = await self.until("SIP/2.0")
        if not answer.startswith("SIP/2.0 401"):
            return answer
        challenge = field(answer, "WWW-Authenticate")
        realm, nonce = (
            found[1]
            for name in ("realm", "nonce")
            if (found := re.search(rf'{name}="([^"]*)"', challenge))
        )
        digest = DigestOf("MD5", self.user, realm, password)
        proof = digest.proof("REGISTER", target, nonce)
        await self._register(call_id, f"{contact}Authorization: Digest {proof}\r\n")
        return await self.until("SIP/2.0")

    async def _register(self, call_id: str, more: str) -> None:
        self._cseq += 1
        await self.socket.send_str(
            "REGISTER sip:ringback SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {self.host};branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@ringback>;tag={self.tag}\r\n"
            f"To: <sip:{self.user}@ringback>\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {self._cseq} REGISTER\r\n"
            f"Contact: <sip:{self.user}@{self.host};transport=ws>\r\n"
            f"{more}Content-Length: 0\r\n\r\n"
        )

    async def call(self, target: str, call_id: str, more: str = "") -> str:
        """Call, and return the To tag once it is answered."""
        await self.peer.setLocalDescription(await self.peer.createOffer())
        await self.send("INVITE", target, call_id, more=more, body=self.peer.localDescription.sdp)
        answer = await self.until("SIP/2.0 200")
        await self.peer.setRemoteDescription(
            RTCSessionDescription(answer.partition("\r\n\r\n")[2], "answer")
        )
        tag = field(answer, "To").partition(";tag=")[2]
        await self.send("ACK", target, call_id, to_tag=f";tag={tag}", cseq=self._cseq)
        return tag

    async def answer(self, invite: str) -> None:
        """Answer an INVITE."""
        await self.peer.setRemoteDescription(
            RTCSessionDescription(invite.partition("\r\n\r\n")[2], "offer")
        )
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        await self.reply(invite, "200 OK", self.peer.localDescription.sdp)

    def power_at(self, frequency_hz: float, last_s: float = 0.5) -> float:
        """How loud a tone is in what was heard last, from 0 to 1."""
        sound = np.concatenate(self.heard or [np.zeros(1, np.int16)])[-int(last_s * HZ) :]
        if len(sound) < int(last_s * HZ):
            return 0.0
        at = np.arange(len(sound)) / HZ
        correlation = abs(np.dot(sound, np.exp(-2j * np.pi * frequency_hz * at)))
        return float(2 * correlation / len(sound) / 32768)


class DigestOf:
    """What a browser's library answers to a challenge (RFC 7616)."""

    def __init__(self, algorithm: str, user: str, realm: str, password: str) -> None:
        self._user, self._realm = user, realm
        self._algorithm = algorithm
        self._secret = self._hash(f"{user}:{realm}:{password}")

    def _hash(self, text: str) -> str:
        name = self._algorithm.replace("-", "").lower()
        return hashlib.new(name, text.encode()).hexdigest()

    def proof(self, method: str, uri: str, nonce: str) -> str:
        """The parameters of Authorization."""
        cnonce = secrets.token_hex(8)
        request = self._hash(f"{method}:{uri}")
        response = self._hash(f"{self._secret}:{nonce}:00000001:{cnonce}:auth:{request}")
        return (
            f'username="{self._user}",realm="{self._realm}",nonce="{nonce}",uri="{uri}",'
            f'response="{response}",cnonce="{cnonce}",nc=00000001,qop=auth,'
            f"algorithm={self._algorithm}"
        )


def _quoted(challenge: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', challenge)
    return "" if found is None else found[1]


def field(message: str, name: str) -> str:
    """The value of a header field."""
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.MULTILINE)
    return "" if found is None else found[1]
