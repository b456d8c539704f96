"""How the customer of a call waits in a queue that they were transferred to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..agent_wait import CallbackOnRequest
from ..announcing.waiting_room import WaitingRoom
from ..announcing.whisper import Whisper


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueWait:
    """`waiting` has the members of Waiting that describe the customer.

    They hear `room`, and `callback` is what its key does. Each agent hears `whisper` first.
    """

    room: WaitingRoom
    waiting: Mapping[str, Any]
    callback: CallbackOnRequest
    whisper: "asyncio.Future[Whisper]"


class NoCallback:
    """The customer was called back already: they cannot ask for that by their key."""

    @property
    def waits_as(self) -> str | None:
        """See CallbackOnRequest."""
        return None

    def can_call_back(self) -> bool:
        """See CallbackOnRequest."""
        return False

    async def request_callback(self) -> bool:
        """See CallbackOnRequest."""
        return False
