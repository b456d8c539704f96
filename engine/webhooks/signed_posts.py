"""The signed requests to the receiver of a webhook."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .receiver import Receiver
from .signature import ID, SIGNATURE, TIMESTAMP, sign

if TYPE_CHECKING:
    from .sender import Answer, Sender


class SignedPosts:
    """Posts to one receiver, over connections that stay open until `close`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sender: Sender | None = None

    async def post(
        self, receiver: Receiver, url: str, id: str, body: bytes, *, attempt: int
    ) -> "Answer":
        """Post the body of the delivery `id`, signed where the receiver has a key."""
        if self._sender is None:
            # The library is not loaded where nothing is delivered.
            from .sender import Sender

            self._sender = Sender(repeats_answers=receiver.repeats_answers)
        timestamp = int(self._clock())
        headers = {
            ID: id,
            TIMESTAMP: str(timestamp),
            "ringback-webhook": receiver.name,
            "ringback-attempt": str(attempt),
        }
        if receiver.key is not None:
            headers[SIGNATURE] = sign(receiver.key, id, timestamp, body)
        return await self._sender.post(url, headers, body, receiver.settings.timeout_s)

    async def close(self) -> None:
        """Close the connections."""
        if self._sender is not None:
            await self._sender.close()
            self._sender = None
