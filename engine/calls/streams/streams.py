"""The streams of the engine: to which services they may go, how many, and who hears of each."""

from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec
from pydantic_core import PydanticCustomError

from config.streams import Streams as StreamSettings
from config.streams import check_stream_url, origin_of
from media.messages import Codec
from media.streams.host_client import HostClient, HostFailed
from media.streams.messages import Event, OpenStream, Service

from ...errors import EngineError
from ...routing.targets.stream_target import RateHz, StreamTarget

DEFAULTS: Final = StreamSettings()


class StreamOwner(Protocol):
    """A leg whose party is a service. Its id is that of the stream."""

    id: str

    def on_stream(self, event: Event, /) -> None:
        """Something has happened to the stream."""


class StreamHost(Protocol):
    """The process that carries streams, as HostClient has it."""

    @property
    def pid(self) -> int | None:
        """Its process id."""

    async def open(self, order: OpenStream, /) -> None:
        """Connect a leg with a service. Raises HostFailed."""

    def close(self, stream: str, cause: str, /) -> bool:
        """End a stream."""

    def tell_bot(self, stream: str, text: str, /) -> None:
        """Send the bot of a stream this text."""

    async def stop(self) -> None:
        """End every stream, and the process."""


class StreamNotOpened(Exception):
    """There is no room for another stream, or the process that carries them cannot start."""


class Streams:
    """Opens streams by the stream host, and takes what happens to each to its owner."""

    def __init__(
        self,
        settings: StreamSettings = DEFAULTS,
        make_host: Callable[[Callable[[Event], None]], StreamHost] = HostClient,
    ) -> None:
        self._settings = settings
        self._owners: dict[str, StreamOwner] = {}
        self._host = make_host(self._on_event)

    def configure(self, settings: StreamSettings) -> None:
        """Use these settings for streams that begin from now on."""
        self._settings = settings

    @property
    def active(self) -> int:
        """How many are up, or being connected."""
        return len(self._owners)

    @property
    def host_pid(self) -> int | None:
        """The process id of the stream host; None where it does not run."""
        return self._host.pid

    def check(self, url: str, *, field: str) -> None:
        """Raise EngineError `refused` where a client may not have a stream to this URL."""
        try:
            check_stream_url(url)
        except PydanticCustomError as error:
            raise EngineError("refused", error.message(), field=field) from error
        origin, path = origin_of(url), urlsplit(url).path or "/"
        for allowed in self._settings.allow:
            root = urlsplit(allowed).path.rstrip("/")
            if origin == origin_of(allowed) and (path == root or path.startswith(f"{root}/")):
                return
        scheme, host, port = origin
        reason = f"{scheme}://{host}:{port}{path} is not in streams.allow"
        raise EngineError("refused", reason, field=field, data={"policy": "streams"})

    def check_room(self) -> None:
        """Raise EngineError `unavailable` where there are as many streams as may be."""
        if self.active >= self._settings.max_streams:
            reason = f"there are {self.active} streams, as many as streams.max_streams allows"
            raise EngineError("unavailable", reason)

    def rate_hz(self, target: StreamTarget) -> RateHz:
        """How many samples a second the service gets."""
        return target.rate_hz or self._settings.rate_hz

    async def open(
        self,
        owner: StreamOwner,
        target: StreamTarget,
        endpoint: tuple[str, int],
        codec: Codec,
        about: dict[str, Any],
    ) -> None:
        """Connect the media endpoint of `owner` with the service. Raises StreamNotOpened."""
        settings, owners = self._settings, self._owners
        if len(owners) >= settings.max_streams:
            raise StreamNotOpened(f"{len(owners)} streams are up, as many as may be")
        token = settings.token.get_secret_value()
        service = Service(
            target.url,
            headers=(("Authorization", f"Bearer {token}"),) if token else (),
            ca_file=settings.ca_file,
        )
        host, port = endpoint
        order = OpenStream(
            owner.id,
            service,
            msgspec.json.encode(about),
            host,
            port,
            codec=codec,
            rate_hz=self.rate_hz(target),
            ahead_ms=settings.ahead_ms,
            connect_s=settings.connect_s,
            retries=settings.retries,
        )
        owners[owner.id], is_open = owner, False
        try:
            await self._host.open(order)
            is_open = True
        except HostFailed as error:
            raise StreamNotOpened(str(error)) from error
        finally:
            if not is_open:
                owners.pop(owner.id, None)

    def close(self, owner: StreamOwner, cause: str) -> bool:
        """End the stream: StreamClosed follows. False where it has ended already."""
        return self._host.close(owner.id, cause)

    def forget(self, owner: StreamOwner) -> None:
        """Nothing of the stream is waited for any more."""
        self._owners.pop(owner.id, None)

    def tell_bot(self, owner: StreamOwner, kind: str, **members: Any) -> None:
        """Send the bot a text frame."""
        text = msgspec.json.encode({"type": kind, **members}).decode()
        self._host.tell_bot(owner.id, text)

    async def stop(self) -> None:
        """End every stream, and the process that carries them."""
        await self._host.stop()

    def _on_event(self, event: Event) -> None:
        owner = self._owners.get(event.stream)
        if owner is not None:
            owner.on_stream(event)
