"""The streams of the engine: to which services they may go, how many, and who hears of each."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from pydantic_core import PydanticCustomError

from config.streams import Streams as StreamSettings
from config.streams import check_stream_url, origin_of
from media.protocol.messages import Codec
from media.streams.host_client import HostClient, HostFailed
from media.streams.messages import OpenStream, Service

from ...errors import EngineError
from ...routing.targets.stream_target import RateHz, StreamTarget
from .hosted_streams import HostedStreams, MakeHost, StreamOwner

DEFAULTS: Final = StreamSettings()


class StreamNotOpened(Exception):
    """There is no room for another stream, or the process that carries them cannot start."""


class Streams:
    """Opens streams by the stream host, and takes what happens to each to its owner."""

    def __init__(
        self,
        settings: StreamSettings = DEFAULTS,
        make_host: MakeHost = HostClient,
    ) -> None:
        self._settings = settings
        self._up: set[str] = set()
        self.hosted = HostedStreams(make_host)
        """What the stream host carries, which is more than these streams."""

    def configure(self, settings: StreamSettings) -> None:
        """Use these settings for streams that begin from now on."""
        self._settings = settings

    @property
    def active(self) -> int:
        """How many are up, or being connected."""
        return len(self._up)

    @property
    def host_pid(self) -> int | None:
        """The process id of the stream host; None where it does not run."""
        return self.hosted.host.pid

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
        settings, up = self._settings, self._up
        if len(up) >= settings.max_streams:
            raise StreamNotOpened(f"{len(up)} streams are up, as many as may be")
        token = settings.token.get_secret_value()
        service = Service.with_token(target.url, token, settings.ca_file)
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
        up.add(owner.id)
        is_open = False
        try:
            await self.hosted.open(owner, order)
            is_open = True
        except HostFailed as error:
            raise StreamNotOpened(str(error)) from error
        finally:
            if not is_open:
                up.discard(owner.id)

    def close(self, owner: StreamOwner, cause: str) -> bool:
        """End the stream: StreamClosed follows. False where it has ended already."""
        return self.hosted.close(owner, cause)

    def forget(self, owner: StreamOwner) -> None:
        """Nothing of the stream is waited for any more."""
        self._up.discard(owner.id)
        self.hosted.forget(owner)

    def tell_bot(self, owner: StreamOwner, kind: str, **members: Any) -> None:
        """Send the bot a text frame."""
        text = msgspec.json.encode({"type": kind, **members}).decode()
        self.hosted.host.tell_bot(owner.id, text)

    def speak_codec(self, owner: StreamOwner, codec: Codec) -> None:
        """Send the media endpoint of `owner` another codec from now on."""
        self.hosted.host.speak_codec(owner.id, codec)

    async def stop(self) -> None:
        """End every stream, and the process that carries them."""
        await self.hosted.host.stop()
