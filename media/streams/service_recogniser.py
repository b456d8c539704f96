"""A recogniser at the other end of a WebSocket (docs/speech.md)."""

import asyncio
from typing import Any, Final, TypeAlias

import msgspec

from ..recognition import recogniser_messages as spoken
from ..recognition.flood import FloodGuard
from ..recognition.result import OnResult, RecogniserFailed
from . import bot_messages as bot
from .bot_connection import BotConnection, BotFault
from .connector import Connector, NotConnected
from .leg_codec import FRAME_MS
from .messages import OpenRecognition

VERSION: Final = 1

_Message: TypeAlias = bot.Ready | bot.Reject | bot.Stop | spoken.RecogniserMessage
_OF_BOTS: Final = frozenset({"ready", "reject", "stop"})


class ServiceRecogniser:
    """Sends the sound to the service of `order`, and takes what it says of it.

    A connection that is lost is not tried again: the sound in between would be lost with it.
    """

    def __init__(self, order: OpenRecognition, connector: Connector, on_result: OnResult) -> None:
        self._order = order
        self._connector = connector
        self._on_result = on_result
        self._connection: BotConnection[_Message] | None = None
        self._before: list[bytes] = []
        self._guard = FloodGuard(asyncio.get_running_loop().time())
        self._stopped = asyncio.Event()

    def feed(self, frame: bytes) -> None:
        """See Recogniser. What comes before the service is ready is kept for it."""
        if self._connection is not None:
            self._connection.send_frame(frame)
        elif len(self._before) * FRAME_MS < 1000 * self._order.connect_s:
            self._before.append(frame)

    async def run(self) -> None:
        """See Recogniser."""
        order, service = self._order, self._order.service
        assert service is not None
        try:
            socket = await self._connector.connect(service, order.connect_s)
        except NotConnected as error:
            raise RecogniserFailed(error.reason) from error
        connection: BotConnection[_Message] = BotConnection(
            socket,
            on_audio=lambda _sound: None,
            on_message=self._received,
            read=_read,
            peer="recogniser",
        )
        last_message = bot.write_message("stop", cause="nobody listens any more")
        try:
            await connection.greet(self._start(), order.connect_s)
            self._connection = connection
            for frame in self._before:
                connection.send_frame(frame)
            await self._go_on(connection)
        except NotConnected as error:
            raise RecogniserFailed(error.reason) from error
        finally:
            self._connection = None
            await connection.close(last_message)

    async def _go_on(self, connection: BotConnection[_Message]) -> None:
        """Send and receive until the service stops. Raises RecogniserFailed."""
        running = asyncio.ensure_future(connection.run())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not self._stopped.is_set():
                running.result()  # it raises: a connection ends by a fault alone
        except BaseExceptionGroup as group:
            fault = group.exceptions[0]
            if isinstance(fault, RecogniserFailed):
                raise fault from None
            if isinstance(fault, BotFault):
                raise RecogniserFailed(fault.reason) from None
            raise
        finally:
            running.cancel()
            stopped.cancel()
            await asyncio.wait([running, stopped])

    def _start(self) -> str:
        order = self._order
        about: dict[str, Any] = msgspec.json.decode(order.start)
        return bot.write_message(
            "start",
            version=VERSION,
            mode="recognise",
            **about,
            language=order.language,
            words=order.vocabulary.phrases,
            digits=order.vocabulary.has_digits,
            encoding="s16le",
            channels=1,
            rate_hz=order.rate_hz,
            frame_ms=FRAME_MS,
        )

    def _received(self, message: _Message) -> None:
        self._guard.said(asyncio.get_running_loop().time())
        match message:
            case bot.Stop():
                self._stopped.set()
            case bot.Ready() | bot.Reject():
                pass  # it has said so already
            case _:
                result = spoken.result_of(message)
                if result is not None:
                    self._on_result(result)


def _read(text: str) -> _Message:
    """One text frame of a recogniser. Raises NotUnderstood."""
    if len(text) > bot.MAX_TEXT_BYTES:
        raise bot.NotUnderstood(f"it has more than {bot.MAX_TEXT_BYTES} bytes")
    try:
        kind = msgspec.json.decode(text, type=_Kind).type
        if kind in _OF_BOTS:
            return bot.read_bot_message(text)  # type: ignore[return-value]
        return spoken.read_message(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise bot.NotUnderstood(str(error)[: bot.MAX_REASON_CHARACTERS]) from error
    except spoken.NotUnderstood as error:
        raise bot.NotUnderstood(error.reason) from error


class _Kind(msgspec.Struct):
    type: str = "result"
