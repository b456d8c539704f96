"""Sizes beyond which a message is refused before any more memory is spent on it."""

from __future__ import annotations

from typing import Final

#: A whole message, start line to the last body byte. The largest UDP datagram.
MAX_MESSAGE_BYTES: Final = 65_535
#: Start line and header fields together, with their line ends.
MAX_HEAD_BYTES: Final = 32_768
#: One header field, unfolded, or the start line.
MAX_LINE_BYTES: Final = 8_192
#: Header fields in one message.
MAX_HEADERS: Final = 256
