"""What the engine and a media worker say to each other; `framing.py` says how it is framed.

Structures travel as msgpack arrays headed by their tag. Requests that are answered carry a
`request` number; the answer repeats it.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from ..sources import Source, Tone
from .detection_messages import BeepHeard as BeepHeard
from .detection_messages import Detect as Detect
from .detection_messages import Detected as Detected
from .detection_messages import DetectionCommand, DetectionEvent
from .detection_messages import HearWords as HearWords
from .detection_messages import MachineSuspected as MachineSuspected
from .detection_messages import StopDetecting as StopDetecting
from .figures import LegStats as LegStats
from .figures import WorkerCounters as WorkerCounters
from .recording_messages import PauseRecording as PauseRecording
from .recording_messages import Record as Record
from .recording_messages import Recorded as Recorded
from .recording_messages import RecordingAt as RecordingAt
from .recording_messages import RecordingEnded as RecordingEnded
from .recording_messages import StopRecording as StopRecording
from .rtcp_figures import RtcpBlock, RtcpSender
from .sound_messages import EchoHeard as EchoHeard
from .sound_messages import OneWayAudio as OneWayAudio
from .sound_messages import QualityChanged as QualityChanged
from .sound_messages import SilenceEnded as SilenceEnded
from .sound_messages import SilenceStarted as SilenceStarted
from .sound_messages import SoundClipped as SoundClipped
from .sound_messages import SoundEvent
from .sound_messages import VoiceChanged as VoiceChanged

VERSION: Final = 2
"""Of all messages but Hello and Welcome, which stay as they are."""

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Codec: TypeAlias = Literal["PCMU", "PCMA", "G722", "opus", "L16/16000", "L16/8000"]
RtpPolicy: TypeAlias = Literal["symmetric", "asymmetric", "strict"]


class _Message(msgspec.Struct, array_like=True):
    pass


# Engine to worker


class Open(_Message, tag=1):
    """Bind a port pair for a leg. Answered by Opened or Refused.

    With `port` it takes the pair of that port, which was set aside for it, and is not answered.
    `ports` is a range of its own, the first and the last port.
    """

    request: int
    leg: str
    port: int = 0
    ports: tuple[int, int] | None = None


class SrtpKeys(_Message):
    """What protects a leg's audio (RFC 3711): a suite of RFC 4568 or RFC 7714, and the key of each
    side, which is its master key and master salt."""

    suite: str
    sent: bytes
    received: bytes

    def __repr__(self) -> str:
        """Without the keys, so that no log can have them."""
        return f"SrtpKeys(suite={self.suite!r})"


class Connect(_Message, tag=2):
    """Where the leg's peer says it is, and what was agreed. Sent again after each re-INVITE.

    The payload types are what the peer wants to get. It may send sound and telephone-event under
    the numbers that it was given itself, `received_payload_type` and
    `telephone_event_received_payload_type`, as well. `number` counts the
    descriptions of the leg, for MediaTimeout. `rtp` says from where it is taken: from the address
    here alone ("strict"), or from another of its host or of `sip_host`, where that proves to be the
    peer's ("symmetric"; "asymmetric": RTP is sent to the address here all the same). With
    `relearn`, what was learnt of the peer so far may be learnt again. With `must_speak`, nothing is
    sent to the peer before RTP has come from it. `srtp` is None for plain RTP. With `rtcp_mux`,
    RTCP shares the port of RTP on both sides (RFC 5761).

    Packets that are made here are `ptime_ms` long: 10 to 60 ms. With `wants_ptime` the peer has
    asked for that, and gets no others. `telephone_event_clock_hz` is that of the key presses in
    both directions. With `comfort_noise_payload_type` silence may be described. `bits_a_second`
    (0: as we like) and `has_copy` are for the Opus encoder. With `keys_as_sound` the
    peer's keys are listened for, and keys are sent to it as tones. A peer that `may_sleep` is a
    browser, and may be silent for MediaSettings.sleep_s. One that `is_even` is a process of ours:
    its packets come evenly, and it plays nothing by a clock. What it says and hears is coded as it
    comes, without a playout buffer.
    """

    leg: str
    host: str
    port: int
    rtcp_port: int
    codec: Codec
    payload_type: int
    telephone_event_payload_type: int | None
    direction: Direction
    telephone_event_received_payload_type: int | None = None
    number: int = 0
    sip_host: str = ""
    rtp: RtpPolicy = "symmetric"
    relearn: bool = False
    must_speak: bool = False
    srtp: SrtpKeys | None = None
    rtcp_mux: bool = False
    ptime_ms: int = 20
    wants_ptime: bool = False
    telephone_event_clock_hz: int = 8000
    comfort_noise_payload_type: int | None = None
    bits_a_second: int = 0
    has_copy: bool = True
    received_payload_type: int | None = None
    keys_as_sound: bool = False
    may_sleep: bool = False
    is_even: bool = False


class Hear(_Message, tag=3):
    """What the leg hears from now on. `play` numbers it for the Played event."""

    leg: str
    play: int
    source: Source


class Bridge(_Message, tag=4):
    """Leg `a` hears leg `b` and the reverse."""

    a: str
    b: str


class SendDigits(_Message, tag=5):
    """Send DTMF as telephone-event, one digit after the other."""

    leg: str
    digits: str
    duration_ms: int
    gap_ms: int


class Close(_Message, tag=8):
    """Close the leg at once. Answered by Closed."""

    request: int
    leg: str


class GetStats(_Message, tag=9):
    """Ask for the figures of one leg. Answered by Stats."""

    request: int
    leg: str


class GetCounters(_Message, tag=10):
    """Ask for the figures of the worker. Answered by Counters."""

    request: int


class SetAside(_Message, tag=11):
    """Keep up to `count` port pairs for legs to be opened. Answered by Aside."""

    request: int
    count: int


class Hello(_Message, tag=13):
    """The first message of an engine, with the version that it speaks. Answered by Welcome.

    Where the worker speaks another one, it closes the connection after its answer.
    """

    request: int
    version: int


class Stop(_Message, tag=12):
    """The engine needs the worker no more: close every leg and end."""


class Announce(_Message, tag=16):
    """The leg hears `source` in place of what it hears otherwise, which goes on afterwards.

    With `mix` it hears it over that. `rounds` says how often, 0 for without end. `play` numbers it
    for the Played event. Another announcement takes the place of the one that is heard.
    """

    leg: str
    play: int
    source: Source
    mix: bool = False
    rounds: int = 1


class StopAnnouncement(_Message, tag=17):
    """The announcement of this number is heard no more. Played follows, if it was heard still."""

    leg: str
    play: int


class Signal(_Message, tag=20):
    """The leg hears `source`, which is short, over whatever it hears, and nothing ends for it."""

    leg: str
    source: Tone


class KeepReady(_Message, tag=19):
    """Load what legs are likely to hear, so that it is there when the first is to hear it.

    It takes the place of what an earlier one named. A file that has changed is read again.
    """

    sources: tuple[Source, ...]


class BlockKeys(_Message, tag=18):
    """Keep the keys that the peer of `leg` presses from those who hear it, or no longer."""

    leg: str
    is_blocked: bool


Command: TypeAlias = (
    Open
    | Connect
    | Hear
    | Bridge
    | SendDigits
    | Record
    | StopRecording
    | PauseRecording
    | Close
    | GetStats
    | GetCounters
    | SetAside
    | Hello
    | Stop
    | Announce
    | StopAnnouncement
    | Signal
    | BlockKeys
    | KeepReady
    | DetectionCommand
)


# Worker to engine: answers


class LegState(_Message):
    """How a leg is, for an engine that did not open it.

    What it hears is what it goes on with after an announcement that is in the place of that.
    """

    leg: str
    port: int  # of ours, for RTP
    described: int = 0  # the number of the newest description
    peer: tuple[str, int] | None = None  # where its RTP comes from; None before Connect
    codec: Codec = "PCMU"
    payload_type: int = 0
    may_send: bool = False  # to the peer
    may_receive: bool = False
    is_protected: bool = False  # by SRTP
    hears: str = ""  # the leg whose peer it hears
    play: int = 0  # the clip that it hears, by the number of its Hear
    recorded_to: str = ""  # a path
    is_silent: bool = False  # SilenceStarted without SilenceEnded
    is_timed_out: bool = False  # MediaTimeout without MediaResumed
    mixed: tuple[str, ...] = ()  # the legs whose sum it hears
    source: Source | None = None  # the clip of `play`, also while it is loaded
    announcements: tuple[Announce, ...] = ()  # the one that is heard, the one that is loaded
    keeps_keys: bool = False  # from those who hear it
    is_paused: bool = False  # its recording
    is_detecting: bool = False  # who or what has answered


class Welcome(_Message, tag=71):
    """The answer to Hello: the version spoken, how many engines have spoken to this worker, its
    ports set aside and its legs."""

    request: int
    version: int
    generation: int
    pid: int = 0
    aside: list[int] = []
    legs: list[LegState] = []


class Opened(_Message, tag=64):
    request: int
    host: str
    port: int


class Aside(_Message, tag=70):
    """The ports of the pairs set aside: fewer than asked for where few are free."""

    request: int
    host: str
    ports: list[int]


class Refused(_Message, tag=65):
    request: int
    kind: Literal["no_port_left", "unknown_leg", "recording_failed", "failed"]
    reason: str


class Closed(_Message, tag=66):
    request: int
    stats: LegStats | None


class Stats(_Message, tag=67):
    request: int
    stats: LegStats | None


class Counters(_Message, tag=68):
    request: int
    counters: WorkerCounters


class Done(_Message, tag=69):
    request: int


Answer: TypeAlias = (
    Welcome | Opened | Aside | Refused | Closed | Stats | Counters | Done | RecordingAt | Recorded
)


# Worker to engine: events


class Dtmf(_Message, tag=97):
    """The peer pressed a key. Once for each key press, at its end."""

    leg: str
    digit: str
    duration_ms: int


PlayEnd: TypeAlias = Literal["finished", "stopped", "replaced", "leg_ended", "failed"]


class Played(_Message, tag=98):
    """A finite source came to its end, or could not be played: then `error` says why.

    Of an announcement it also says how it ended, and how much of it was sent to the peer.
    """

    leg: str
    play: int
    error: str | None = None
    end: PlayEnd = "finished"
    heard_ms: int = 0


class MediaTimeout(_Message, tag=101):
    """No RTP from the peer for `silent_s`, although it should send.

    Once, until MediaResumed or the next Connect; `number` is that of the last Connect.
    """

    leg: str
    silent_s: float
    number: int = 0


class MediaResumed(_Message, tag=102):
    leg: str


class LegFailed(_Message, tag=121):
    """The worker could not go on with the leg, by a fault of its own, and has closed it."""

    leg: str


class PeerMoved(_Message, tag=103):
    """The peer's RTP comes from another address than before (or than signalled)."""

    leg: str
    host: str
    port: int


class RtcpSeen(_Message, tag=107):
    """A report was sent to the peer of a leg, or came from it: only where the engine wants them."""

    leg: str
    is_sent: bool
    host: str
    port: int
    local_port: int
    ssrc: int
    sender: RtcpSender | None = None
    blocks: tuple[RtcpBlock, ...] = ()


class WorkerLoad(_Message, tag=106):
    """Once a second while there are legs: how late the worker was on average, and how busy.

    `busy` is the share that its busiest thread used of the processor time that it could have had.
    """

    late_ms: float
    busy: float


Event: TypeAlias = (
    Dtmf
    | Played
    | MediaTimeout
    | MediaResumed
    | LegFailed
    | PeerMoved
    | RecordingEnded
    | RtcpSeen
    | WorkerLoad
    | DetectionEvent
    | SoundEvent
)

command_decoder: Final = msgspec.msgpack.Decoder(list[Command])
report_decoder: Final = msgspec.msgpack.Decoder(list[Answer | Event])
