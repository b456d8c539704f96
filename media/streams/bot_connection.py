"""One WebSocket to a bot, from `start` to its end: what is sent never waits for the bot to read."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import aiohttp

from .bot_messages import NotUnderstood, Ready, Reject, printable, write_message
from .connector import NotConnected

# What waits for a bot that does not read: 2 s of sound. Then the oldest is dropped.
_MOST_FRAMES: Final = 100
_STUCK_S: Final = 5.0  # one that has read nothing for this long does not work
_MOST_TEXTS: Final = 1000
_CLOSE_S: Final = 1.0
MOST_FAULTS: Final = 20
"""How often a bot may send what is not understood."""


class BotFault(Exception):
    """The connection is over by a fault of the bot, or of the way to it.

    `may_change`: a new connection may do better.
    """

    def __init__(self, reason: str, *, may_change: bool) -> None:
        super().__init__(reason)
        self.reason = printable(reason)
        self.may_change = may_change


M = TypeVar("M")


class BotConnection(Generic[M]):
    """Sends frames and texts to one bot; `on_audio` and `on_message` get what it sends.

    `read` makes a message of a text frame; it raises NotUnderstood.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        *,
        on_audio: Callable[[bytes], None],
        on_message: Callable[[M], None],
        read: Callable[[str], M],
        peer: str = "bot",
    ) -> None:
        self._peer = peer
        self._socket = socket
        self._read = read
        self._on_audio = on_audio
        self._on_message = on_message
        self._frames: deque[bytes] = deque()
        self._texts: deque[str] = deque()
        self._wake = asyncio.Event()
        self._faults = 0
        self._frames_given = 0
        self.frames_sent = 0
        self.frames_dropped = 0
        """What the bot did not read in time, or had not been sent when the connection was lost."""

    async def greet(self, start: str, limit_s: float) -> None:
        """Send `start`, and wait until the bot takes the stream. Raises NotConnected."""
        try:
            async with asyncio.timeout(limit_s):
                await self._socket.send_str(start)
                while True:
                    message = self._understood(await self._receive())
                    if isinstance(message, Ready):
                        return
                    if isinstance(message, Reject):
                        reason = f"the {self._peer} declines: {message.reason or 'no reason given'}"
                        raise NotConnected("refused", reason, may_change=False)
        except TimeoutError:
            reason = f"the {self._peer} has not acknowledged start within {limit_s:g} s"
            raise NotConnected("no_answer", reason) from None
        except BotFault as fault:
            raise NotConnected("unreachable", fault.reason) from None
        except (aiohttp.ClientError, OSError) as error:
            raise NotConnected("unreachable", str(error) or "connection lost") from None

    async def run(self) -> None:
        """Send and receive until it is over. Raises BotFault, in a group."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_all())
                tasks.create_task(self._receive_all())
        except BaseExceptionGroup:
            self.frames_dropped = self._frames_given - self.frames_sent
            raise

    def send_frame(self, frame: bytes) -> None:
        """Send 20 ms of sound; the oldest that waits is dropped for it where the bot lags."""
        self._frames_given += 1
        if len(self._frames) >= _MOST_FRAMES:
            self._frames.popleft()
            self.frames_dropped += 1
        self._frames.append(frame)
        self._wake.set()

    def send_text(self, text: str) -> None:
        """Send a text frame, before any sound that waits."""
        if len(self._texts) < _MOST_TEXTS:
            self._texts.append(text)
            self._wake.set()

    async def close(self, text: str | None = None) -> None:
        """Send `text` as the last, and close."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                if text is not None and not self._socket.closed:
                    await self._socket.send_str(text)
                await self._socket.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass  # it does not read any more; the session closes the connection
        finally:
            if not self._socket.closed:
                self._socket._response.close()

    async def _send_all(self) -> None:
        socket, frames, texts, wake = self._socket, self._frames, self._texts, self._wake
        while True:
            await wake.wait()
            wake.clear()
            try:
                while texts or frames:
                    async with asyncio.timeout(_STUCK_S):
                        if texts:
                            await socket.send_str(texts.popleft())
                        else:
                            await socket.send_bytes(frames.popleft())
                            self.frames_sent += 1
            except TimeoutError:
                reason = f"the {self._peer} has read nothing for {_STUCK_S:g} s"
                raise BotFault(reason, may_change=True) from None
            except (aiohttp.ClientError, OSError) as error:
                raise BotFault(f"connection lost: {error}", may_change=True) from None

    async def _receive_all(self) -> None:
        while True:
            message = await self._receive()
            if message.type == aiohttp.WSMsgType.BINARY:
                if len(message.data) % 2:
                    self._fault("a binary frame has an odd number of bytes")
                elif message.data:
                    self._on_audio(message.data)
            else:
                understood = self._understood(message)
                if understood is not None:
                    self._on_message(understood)

    async def _receive(self) -> aiohttp.WSMessage:
        message = await self._socket.receive()
        match message.type:
            case aiohttp.WSMsgType.BINARY | aiohttp.WSMsgType.TEXT:
                return message
            case aiohttp.WSMsgType.ERROR:
                is_large = isinstance(message.data, aiohttp.WebSocketError)
                reason = f"not understood: {message.data}" if is_large else "connection lost"
                raise BotFault(reason, may_change=not is_large)
            case _:
                code = self._socket.close_code
                raise BotFault(
                    f"the {self._peer} has closed the connection ({code})", may_change=True
                )

    def _understood(self, message: aiohttp.WSMessage) -> M | None:
        if message.type != aiohttp.WSMsgType.TEXT:
            return None
        try:
            return self._read(message.data)
        except NotUnderstood as error:
            self._fault(error.reason)
            return None

    def _fault(self, reason: str) -> None:
        self._faults += 1
        if self._faults > MOST_FAULTS:
            raise BotFault(
                f"the {self._peer} sends what is not understood: {reason}", may_change=False
            )
        self.send_text(write_message("error", reason=reason))
