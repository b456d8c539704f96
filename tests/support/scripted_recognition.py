"""Recognitions whose results a test says, by the scripted stream host."""

from typing import Any

from config.recognition import Recognition as RecognitionSettings
from engine.calls.call import CallRegistry
from engine.calls.recognition.recognitions import Recognitions, SoundWays
from engine.calls.streams.hosted_streams import HostedStreams
from media.streams.messages import (
    Failure,
    OpenRecognition,
    SpeechBegan,
    SpeechHeard,
    StreamEnded,
    StreamFigures,
    StreamReady,
)

from .scripted_streams import ScriptedHost


class ScriptedRecogniser:
    """`recognitions` is what call flows use; the other methods say what the party says.

    Each is about the newest recognition, and waits until there is one.
    """

    def __init__(self, media: Any, registry: CallRegistry | None = None, **settings: Any) -> None:
        settings = {"engine": "pocketsphinx"} | settings
        self.hosted = HostedStreams(ScriptedHost)
        assert isinstance(self.hosted.host, ScriptedHost)
        self.host = self.hosted.host
        self.recognitions = Recognitions(
            RecognitionSettings(**settings),
            SoundWays(media, self.hosted, registry or CallRegistry()),
        )

    async def order(self) -> OpenRecognition:
        """What the recogniser was asked for."""
        return await self.host.recognised()

    async def listens(self) -> None:
        """It takes the sound from now on."""
        await self.host.happens(StreamReady((await self.order()).stream, "127.0.0.1", 4500))

    async def begins(self, at_ms: int = 0) -> None:
        """The party begins to speak."""
        await self.host.happens(SpeechBegan((await self.order()).stream, at_ms))

    async def says(
        self,
        text: str,
        *,
        confidence: float | None = None,
        is_final: bool = True,
        nth: int = -1,
        said_ms: tuple[int, int] = (100, 600),
    ) -> None:
        """The party says this, at `said_ms` of the recognition `nth`."""
        await self.order()
        order = self.host.recognitions[nth]
        word = order.vocabulary.match(text)
        heard = SpeechHeard(order.stream, text, word, confidence, is_final, *said_ms)
        await self.host.happens(heard)

    async def ends(self, reason: str, failure: Failure | None = "failed") -> None:
        """The recogniser ends."""
        order = await self.order()
        await self.host.happens(StreamEnded(order.stream, reason, failure, StreamFigures()))
