"""What the stream host carries: who owns each stream, and hears what happens to it."""

from collections.abc import Callable
from typing import Protocol

from media.protocol.messages import Codec
from media.streams.host_client import HostClient
from media.streams.messages import Event, OpenRecognition, OpenStream


class StreamOwner(Protocol):
    """A leg whose party is a service, or a recognition. Its id is that of the stream."""

    @property
    def id(self) -> str:
        """Its id."""

    def on_stream(self, event: Event, /) -> None:
        """Something has happened to the stream."""


class StreamHost(Protocol):
    """The process that carries streams, as HostClient has it."""

    @property
    def pid(self) -> int | None:
        """Its process id."""

    async def open(self, order: OpenStream | OpenRecognition, /) -> None:
        """Connect a leg with a service, or recognise it. Raises HostFailed."""

    def close(self, stream: str, cause: str, /) -> bool:
        """End a stream."""

    def tell_bot(self, stream: str, text: str, /) -> None:
        """Send the bot of a stream this text."""

    def speak_codec(self, stream: str, codec: Codec, /) -> None:
        """Send the leg of a stream another codec from now on."""

    async def stop(self) -> None:
        """End every stream, and the process."""


MakeHost = Callable[[Callable[[Event], None]], StreamHost]


class HostedStreams:
    """Takes what happens to each stream to its owner."""

    def __init__(self, make_host: MakeHost = HostClient) -> None:
        self._owners: dict[str, StreamOwner] = {}
        self.host = make_host(self._on_event)

    async def open(self, owner: StreamOwner, order: OpenStream | OpenRecognition) -> None:
        """Begin a stream of this owner. Raises HostFailed."""
        self._owners[owner.id], is_open = owner, False
        try:
            await self.host.open(order)
            is_open = True
        finally:
            if not is_open:
                self.forget(owner)

    def close(self, owner: StreamOwner, cause: str) -> bool:
        """End the stream: StreamClosed follows. False where it has ended already."""
        return self.host.close(owner.id, cause)

    def forget(self, owner: StreamOwner) -> bool:
        """Nothing of the stream is waited for any more. Whether something was."""
        return self._owners.pop(owner.id, None) is not None

    def _on_event(self, event: Event) -> None:
        owner = self._owners.get(event.stream)
        if owner is not None:
            owner.on_stream(event)
