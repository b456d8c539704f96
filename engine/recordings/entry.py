"""What is known of one recording, as it is stored, listed and published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec

from config.recording import RecordingFormat

RecordingState = Literal["recording", "finishing", "kept", "moving", "moved", "failed"]
"""`recording`: the talk goes on. `finishing`: the file is being completed. `kept`: it is here.
`moving`: the command that moves it has not succeeded yet. `failed`: it lacks what was said."""
Side = Literal["both", "agent", "customer"]
Channels = Literal[1, 2]


class Mark(msgspec.Struct, frozen=True):
    """A moment of a recording: from `paused` to `resumed` it is silent."""

    kind: Literal["paused", "resumed"]
    """What happened."""
    at_s: float
    """Where in the recording, in seconds from its beginning."""
    reason: str | None = None
    """Why, where somebody has said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """The call of a recording, as far as it is known when that begins."""

    call: str
    job: str | None = None
    direction: str = "outbound"
    site: str | None = None
    queue: str | None = None
    agent: str | None = None
    number: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOrder:
    """How a call is recorded; None: as the configuration says.

    `announcement` is a text, or `file:` and the path of a sound file, which everybody hears before.
    """

    format: RecordingFormat | None = None
    channels: Channels | None = None
    side: Side = "both"
    announcement: str | None = None


AS_CONFIGURED = RecordingOrder()


class RecordingEntry(msgspec.Struct, kw_only=True):
    """One recording. Its number is in its call alone, so that it names no person."""

    id: str
    call: str
    job: str | None = None
    site: str | None = None
    queue: str | None = None
    agent: str | None = None
    path: str
    format: RecordingFormat = "wav"
    channels: Channels = 2
    side: Side = "both"
    state: RecordingState = "recording"
    started: float
    ended: float | None = None
    duration_s: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    marks: list[Mark] = []
    reason: str | None = None
    location: str | None = None
    move_attempts: int = 0
    move_at: float | None = None

    @property
    def written(self) -> Path:
        """The WAV file that the media worker writes: the file itself, or what it is made of."""
        return Path(self.path).with_suffix(".wav")

    def about(self) -> dict[str, Any]:
        """What each event of it says of its call."""
        known: dict[str, Any] = {
            "job": self.job, "call": self.call, "site": self.site, "queue": self.queue,
            "agent": self.agent, "context": None if self.site is None else {"site": self.site},
            "recording": self.id, "path": self.path,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value is not None}

    def result(self) -> dict[str, Any]:
        """What `recording.ended` says."""
        return {
            "recording": self.id,
            "path": self.path,
            "format": self.format,
            "duration_s": self.duration_s,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "marks": self.marks,
        }

    def view(self) -> "RecordingView":
        """It as the control protocol shows it."""
        return {
            "recording": self.id,
            "call": self.call,
            "job": self.job,
            "site": self.site,
            "queue": self.queue,
            "agent": self.agent,
            "state": self.state,
            "path": self.path,
            "file": str(Path(self.path).absolute()),
            "format": self.format,
            "channels": self.channels,
            "side": self.side,
            "started": self.started,
            "ended": self.ended,
            "duration_s": self.duration_s,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "marks": self.marks,
            "reason": self.reason,
            "location": self.location,
            "move_attempts": self.move_attempts,
            "move_at": self.move_at,
        }


class RecordingView(TypedDict):
    """recording.get: one recording."""

    recording: str
    """Its id."""
    call: str
    """The call that is recorded."""
    job: str | None
    """The job of that call; null: it has none."""
    site: str | None
    """The site that it is about."""
    queue: str | None
    """The queue of the call when it began."""
    agent: str | None
    """The agent of the call when it began."""
    state: RecordingState
    """What becomes of it."""
    path: str
    """Its file, in `media.recordings`."""
    file: str
    """The same as a full path."""
    format: RecordingFormat
    """The format of the file."""
    channels: Channels
    """1: all in one channel."""
    side: Side
    """Who is in it."""
    started: float
    """When it began (Unix seconds)."""
    ended: float | None
    """When it ended; null: it goes on."""
    duration_s: float | None
    """How long it is, with what is silent in it."""
    bytes: int | None
    """The size of the file."""
    sha256: str | None
    """The SHA-256 of the file, in hexadecimal digits."""
    marks: list[Mark]
    """Where it was paused and resumed."""
    reason: str | None
    """Why it has failed, or ended early, or why the last attempt to move it has failed."""
    location: str | None
    """Where it was moved to, as the command has said."""
    move_attempts: int
    """How often it was tried to move it."""
    move_at: float | None
    """When that is tried next (Unix seconds)."""
