"""Who is shown each SIP message as it passes, such as a trace of calls."""

from __future__ import annotations

from typing import Protocol

from .hop import Hop


class MessageObserver(Protocol):
    """Sees each message at the moment at which it is received or sent, retransmissions included.

    It is called for every message of every call: it must be quick, and must not raise. What is
    dropped unread (keep-alives, and what is over the rate of its source) is not shown. `local` is
    our own address; its port is 0 where a connection is still being opened.
    """

    def received(self, data: bytes, source: Hop, local: Hop) -> None:
        """A message has come from `source`."""

    def sent(self, data: bytes, target: Hop, local: Hop) -> None:
        """A message goes to `target`."""
