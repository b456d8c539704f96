"""What the engine and the stream host say to each other, framed as the worker's messages are."""

from typing import Final, Literal, TypeAlias

import msgspec

from ..protocol.messages import Codec
from ..recognition.vocabulary import Vocabulary

RateHz: TypeAlias = Literal[8000, 16000, 24000]
PAYLOAD_TYPES: Final[dict[Codec, int]] = {"PCMU": 0, "PCMA": 8, "L16/16000": 112}
"""In which codecs a leg and the stream host hear each other, and their payload types."""
Failure: TypeAlias = Literal["unreachable", "refused", "no_answer", "failed"]
"""`unreachable`: no WebSocket. `refused`: the service declines this stream. `no_answer`: it does
not answer `start` in time. `failed`: it was lost later, or does what it must not."""


class _Message(msgspec.Struct, array_like=True):
    pass


# Engine to host


class Service(_Message):
    """Where the bot is: its URL, what goes along with the request, and whom its certificate is of.

    `ca_file` is a PEM file with the issuers of it; "": those that the system trusts.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str = ""

    @classmethod
    def with_token(cls, url: str, token: str, ca_file: str) -> "Service":
        """The service to which the token is shown (RFC 6750); "": none is."""
        return cls(url, (("Authorization", f"Bearer {token}"),) if token else (), ca_file)

    def __repr__(self) -> str:
        """Without headers and query, which have secrets, so that no log can have them."""
        return f"Service(url={self.url.partition('?')[0]!r})"


class OpenStream(_Message, tag=1):
    """Connect the endpoint `leg` of a media worker, at `host` and `port`, with a service.

    `start` is what its `start` says besides, as a JSON object. A bot may be `ahead_ms` ahead of
    what is heard. A connection that is lost is tried `retries` times again.
    """

    stream: str
    service: Service
    start: bytes
    host: str
    port: int
    codec: Codec = "PCMU"
    rate_hz: RateHz = 16000
    ahead_ms: int = 60_000
    connect_s: float = 5.0
    retries: int = 3


class CloseStream(_Message, tag=2):
    """Send the bot `stop` with this cause, and close."""

    stream: str
    cause: str


class TellBot(_Message, tag=3):
    """Send the bot this text, a JSON object."""

    stream: str
    text: str


class SpeakCodec(_Message, tag=5):
    """Send the leg of this stream what the bot says in another codec from now on."""

    stream: str
    codec: Codec


RecognitionEngine: TypeAlias = Literal["pocketsphinx", "command", "websocket"]


class OpenRecognition(_Message, tag=4):
    """Recognise what the endpoint `leg` of a media worker says: RTP comes from `host` and `port`.

    CloseStream ends it. `command` is the program of the engine `command`, `service` that of
    `websocket`, and `start` what it is told besides, as a JSON object. A program may have
    `memory_mib` of address space (0: any).
    """

    stream: str
    engine: RecognitionEngine
    vocabulary: Vocabulary
    language: str
    host: str
    port: int
    codec: Codec = "PCMU"
    rate_hz: RateHz = 16000
    command: tuple[str, ...] = ()
    memory_mib: int = 0
    service: Service | None = None
    start: bytes = b"{}"
    connect_s: float = 5.0


Command: TypeAlias = OpenStream | CloseStream | TellBot | SpeakCodec | OpenRecognition


# Host to engine


class StreamReady(_Message, tag=64):
    """The bot has acknowledged `start`. RTP of the stream is at `host` and `port`.

    Of a recognition: it takes RTP from now on.
    """

    stream: str
    host: str
    port: int


class StreamInterrupted(_Message, tag=65):
    """The connection is lost, and tried again."""

    stream: str
    reason: str


class StreamResumed(_Message, tag=66):
    """The connection is back: the bot has acknowledged another `start`."""

    stream: str
    attempts: int


class StreamFigures(_Message):
    """What has gone through a stream."""

    heard_ms: int = 0  # of what the bot said
    dropped_ms: int = 0  # what the bot said that was never heard: it was cleared, or had no room
    sent_ms: int = 0  # to the bot
    lost_ms: int = 0  # of the leg's sound: packets that never came, or the bot did not read
    reconnects: int = 0


class StreamEnded(_Message, tag=67):
    """The stream is over by the bot's wish (`failure` None), or has failed."""

    stream: str
    cause: str
    failure: Failure | None
    figures: StreamFigures


class BotAsks(_Message, tag=68):
    """The bot wants the call hung up or handed over, or keys sent: `request` is its text."""

    stream: str
    request: bytes


class StreamClosed(_Message, tag=69):
    """The answer to CloseStream, with what has gone through."""

    stream: str
    figures: StreamFigures


class SpeechBegan(_Message, tag=70):
    """The party has begun to speak, `at_ms` after the recognition began."""

    stream: str
    at_ms: int


class SpeechHeard(_Message, tag=71):
    """What the party has said, or (`is_final` False) seems to say so far.

    `word` is what of the vocabulary it is; the times are since the recognition began.
    """

    stream: str
    text: str
    word: str | None
    confidence: float | None
    is_final: bool
    from_ms: int
    to_ms: int

    def __repr__(self) -> str:
        """Without the words, so that no log can have them."""
        return f"SpeechHeard({self.stream!r}, {len(self.text)} characters)"


Event: TypeAlias = (
    StreamReady
    | StreamInterrupted
    | StreamResumed
    | StreamEnded
    | BotAsks
    | StreamClosed
    | SpeechBegan
    | SpeechHeard
)

command_decoder: Final = msgspec.msgpack.Decoder(list[Command])
event_decoder: Final = msgspec.msgpack.Decoder(list[Event])
