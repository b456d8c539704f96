"""SIP over a WebSocket (RFC 7118, RFC 6455): one message a frame, as bytes in and bytes out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from websockets.exceptions import InvalidHandshake
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from ..errors import ParseError
from ..message.parser import MAX_MESSAGE_BYTES

_SUBPROTOCOL: Final = Subprotocol("sip")
_PIECE_BYTES: Final = 4 * 1024
"""What is read in one turn."""
_MOST_HANDSHAKE_BYTES: Final = 16 * 1024
_LINE_ENDS: Final = b"\r\n"
_silent = logging.getLogger(f"{__name__}.library")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class WebSocketFramer:
    """The server's end of one WebSocket: the handshake, and then its messages.

    It has the methods of StreamFramer. What was pushed is read piece by piece by `pop`, so that a
    flood of tiny frames takes many turns. `origins` are the web pages that may connect; None: all.
    Who sends no Origin is no web page, and may connect.
    """

    __slots__ = (
        "_fault",
        "_for_whom",
        "_handshake_bytes",
        "_is_begun",
        "_messages",
        "_parts",
        "_pings",
        "_protocol",
        "_unread",
        "_waiting_bytes",
        "_was_ponged",
        "is_over",
        "origin",
    )

    pings_accepted: Final = True

    def __init__(self, origins: tuple[str, ...] | None = None) -> None:
        allowed = None if origins is None else [None, *(Origin(one) for one in origins)]
        self._protocol = ServerProtocol(
            origins=allowed,
            subprotocols=[_SUBPROTOCOL],
            select_subprotocol=_select,
            max_size=MAX_MESSAGE_BYTES,
            logger=_silent,
        )
        self._unread = bytearray()
        self._messages: deque[bytes] = deque()
        self._parts = bytearray()
        self._is_begun = False
        """Whether there are parts, which may be empty."""
        self._handshake_bytes = 0
        """Of a handshake that is not complete."""
        self._waiting_bytes = 0  # of messages and parts
        self._pings = 0
        self._was_ponged = False
        self._for_whom: list[str] | None = None
        self._fault: ParseError | None = None
        self.is_over = False
        """Whether the peer has closed it as it should."""
        self.origin = ""
        """The web site whose page has connected, as its browser says; "": none."""

    def __len__(self) -> int:
        """The bytes that it holds, at least 1 while a message is begun."""
        held = len(self._unread) + self._waiting_bytes + self._is_begun
        if self._fault is None:
            held += self._handshake_bytes or len(self._protocol.reader.buffer)
        return held

    def push(self, data: bytes | memoryview) -> None:
        """Add received bytes. After a fault they are dropped."""
        if self._fault is None:
            self._unread += data

    @property
    def is_ready(self) -> bool:
        """Whether `pop` has anything to do."""
        return bool(self._messages or self._unread) or self._fault is not None

    def pop(self) -> bytes | None:
        """Take the first message out. None if it is not complete.

        Raises ParseError once there can be no further one.
        """
        if not self._messages and self._fault is None:
            piece = bytes(self._unread[:_PIECE_BYTES])
            del self._unread[:_PIECE_BYTES]
            self._read(piece)
        if self._messages:
            message = self._messages.popleft()
            self._waiting_bytes -= len(message)
            return message
        if self._fault is not None:
            raise self._fault
        return None

    def _read(self, piece: bytes) -> None:
        protocol = self._protocol
        if protocol.state is CONNECTING:
            self._handshake_bytes += len(piece)
        protocol.receive_data(piece)
        events = protocol.events_received()
        if protocol.state is CONNECTING and events and (len(events) > 1 or protocol.parser_exc):
            # The library has read frames by now that it cannot deal with before the handshake.
            self._give_up("it speaks before its handshake was answered")
            return
        for event in events:
            if isinstance(event, Request):
                self._handshake_bytes = 0
                protocol.send_response(protocol.accept(event))
                if protocol.state is OPEN:
                    self.origin = event.headers.get("Origin", "")
                    self._for_whom = event.headers.get_all("X-Forwarded-For")
            elif isinstance(event, Frame):
                self._take_frame(event)
        self.is_over = protocol.close_rcvd is not None
        error = protocol.handshake_exc or protocol.parser_exc
        if error is not None:
            self._give_up(f"no WebSocket for SIP: {error}")
        elif self.is_over:
            self._give_up("the peer has closed the WebSocket")
        elif self._handshake_bytes > _MOST_HANDSHAKE_BYTES:
            self._give_up("the handshake of the WebSocket is too long")

    def _give_up(self, reason: str) -> None:
        """Nothing that comes from now on can be read."""
        self._fault = ParseError(reason)
        self._waiting_bytes -= len(self._parts)
        self._is_begun = False
        self._parts.clear()
        self._unread.clear()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._was_ponged = True
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            # Added up: a message in parts that are empty holds nothing for each of them.
            self._parts += frame.data
            self._waiting_bytes += len(frame.data)
            self._is_begun = not frame.fin
            if frame.fin:
                self._complete(bytes(self._parts))
                self._parts.clear()

    def _complete(self, message: bytes) -> None:
        if message.strip(_LINE_ENDS):
            self._messages.append(message)
            return
        # RFC 7118 section 6: the keep-alive of RFC 5626. A single CRLF answers one of ours.
        self._waiting_bytes -= len(message)
        self._pings += len(message) >= 2 * len(_LINE_ENDS)
        self._was_ponged |= message == _LINE_ENDS

    def take_pongs(self) -> int:
        """Return how many CRLF answer the pings since the last call."""
        pongs, self._pings = self._pings, 0
        return pongs

    def take_pong(self) -> bool:
        """Whether the peer has answered a ping since the last call."""
        was_ponged, self._was_ponged = self._was_ponged, False
        return was_ponged

    def take_opened(self) -> list[str] | None:
        """For whom the peer has opened it, as it says itself (X-Forwarded-For), which may be
        nothing. None before, and once this was told."""
        for_whom, self._for_whom = self._for_whom, None
        return for_whom

    def frame(self, data: bytes) -> bytes:
        """The bytes that carry a message; none before the handshake and after the end.

        It is text where it is UTF-8, as browsers expect (RFC 7118 section 5.2).
        """
        protocol = self._protocol
        if protocol.state is not OPEN:
            return b""
        try:
            data.decode()
        except UnicodeDecodeError:
            protocol.send_binary(data)
        else:
            protocol.send_text(data)
        return self.take_output()

    def ping(self) -> bytes:
        """The bytes of a ping (RFC 6455 section 5.5.2), which every browser answers."""
        if self._protocol.state is OPEN:
            self._protocol.send_ping(b"")
        return self.take_output()

    def say_goodbye(self) -> bytes:
        """The bytes that close the WebSocket: the server goes away."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
        return self.take_output()

    def take_output(self) -> bytes:
        """What has to be sent to the peer by itself: the answer to the handshake, and pongs."""
        return b"".join(self._protocol.data_to_send())

    def release(self) -> None:
        """Break the reference cycles of the protocol (parser and choice), to free it at once."""
        self._protocol.parser.close()
        vars(self._protocol).pop("select_subprotocol", None)


def _select(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol:
    """`sip`, which a client has to name (RFC 7118 section 4.1)."""
    if _SUBPROTOCOL not in offered:
        raise InvalidHandshake("the subprotocol sip is missing")
    return _SUBPROTOCOL
