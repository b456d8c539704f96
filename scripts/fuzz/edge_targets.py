"""What is fuzzed of the edges: frames of browsers, and texts of bots."""

import base64
from typing import Final

from media.streams.bot_messages import (
    Dtmf,
    Handover,
    Hangup,
    NotUnderstood,
    encode_message,
    read_asked,
    read_bot_message,
)
from sip.errors import ParseError
from sip.message.parser import MAX_MESSAGE_BYTES
from sip.transport.web_socket import WebSocketFramer

HANDSHAKE: Final = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\n\r\n"
)
_MOST_HELD: Final = MAX_MESSAGE_BYTES + 64 * 1024


def web_socket(data: bytes) -> None:
    """A WebSocket in two pieces, after a good handshake, in one with it, and without one."""
    cut = data[0] if data else 0
    pieces = data[1 : 1 + cut], data[1 + cut :]
    for some in ((HANDSHAKE, *pieces), (HANDSHAKE + pieces[0], pieces[1]), pieces):
        framer = WebSocketFramer()
        try:
            for piece in some:
                framer.push(piece)
                while framer.is_ready:
                    message = framer.pop()
                    assert message is None or message.strip(b"\r\n")
                assert len(framer) <= _MOST_HELD
        except ParseError:
            assert len(framer) == 0
        framer.take_pongs()
        framer.take_output()
        framer.say_goodbye()


def bot_text(data: bytes) -> None:
    """A text of a bot; what it asks of the engine is read again there."""
    try:
        message = read_bot_message(data)
    except NotUnderstood:
        return
    if isinstance(message, Dtmf | Hangup | Handover):
        assert read_asked(encode_message(message)) == message
