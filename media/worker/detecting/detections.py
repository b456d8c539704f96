"""Tells of some legs who or what speaks, in a thread of its own: packets never wait for that."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final, Protocol

from ...detection.answer_detector import AnswerDetector
from ...detection.verdict import Beep, Finding, Verdict
from ...detection_limits import DetectionLimits
from ...detection_phrases import Phrases
from ...isolation import each_alone
from ...priority import Turn, go_first
from ...protocol import messages as m
from ...rtp.rtp import CLOCK_HZ
from .ordered_sound import OrderedSound, SoundPacket
from .taps import PacketTap

MOST_WAITING: Final = 4000  # packets; where the thread is behind, more are left out
TELL_TIME_S: Final = 0.1


class DetectedStream(Protocol):
    """What a leg's peer sends."""

    detection: PacketTap | None

    def settle(self) -> None:
        """Take the stream back from the relay, so that each packet is looked at."""


class Detection:
    """One leg that is listened to. Its packets are put down here, and the thread takes them."""

    __slots__ = ("_sound", "_work", "detector", "is_stopped", "leg")

    def __init__(
        self, leg: str, detector: AnswerDetector, work: "SimpleQueue[_Work | None]"
    ) -> None:
        self.leg = leg
        self.detector = detector
        self.is_stopped = False
        self._sound = OrderedSound()  # the thread's
        self._work = work

    def hear(self, packet: SoundPacket, now: float) -> None:
        """A packet has come."""
        if self._work.qsize() < MOST_WAITING:
            self._work.put((self, partial(_feed, self._sound, packet, now * 1000)))

    def advance(self, now: float) -> None:
        """It is `now`, whether or not anything comes."""
        if self._work.qsize() < MOST_WAITING:
            self._work.put((self, partial(_advance, now * 1000)))

    def hear_words(self, text: str | None, *, is_final: bool) -> None:
        """A recogniser has heard this; None: it has gone."""
        if self._work.qsize() < MOST_WAITING:
            self._work.put((self, partial(_hear_words, text, is_final)))


_Work = tuple[Detection, Callable[[AnswerDetector], list[Finding]]]


def _feed(
    sound: OrderedSound, packet: SoundPacket, now_ms: float, detector: AnswerDetector
) -> list[Finding]:
    """A packet has come; what it completes ends at `now_ms`."""
    pieces = sound.receive(packet)
    left_ms = sum(len(piece) for piece in pieces) * 1000 / CLOCK_HZ
    found = []
    for piece in pieces:
        left_ms -= len(piece) * 1000 / CLOCK_HZ
        found += detector.feed(piece, now_ms - left_ms)
    return found


def _advance(now_ms: float, detector: AnswerDetector) -> list[Finding]:
    return detector.advance(now_ms)


def _hear_words(text: str | None, is_final: bool, detector: AnswerDetector) -> list[Finding]:
    if text is None:
        detector.hear_no_words()
        return []
    return detector.hear_words(text, is_final=is_final)


class Detections:
    """The legs of a worker that are listened to. `report` takes the events for the engine.

    It is called on the event loop of whoever starts the first.
    """

    def __init__(self, report: Callable[[m.Answer | m.Event], None]) -> None:
        self._report = report
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: dict[Detection, DetectedStream] = {}
        self._told_at = 0.0

    def start(
        self,
        leg: str,
        stream: DetectedStream,
        limits: DetectionLimits,
        now: float,
        phrases: Phrases | None = None,
    ) -> None:
        """Tell who or what speaks on a leg from now on. What was begun before is forgotten."""
        self.stop(stream)
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="detection", daemon=True)
            self._thread.start()
        detection = Detection(leg, AnswerDetector(limits, now * 1000, phrases), self._work)
        stream.settle()
        stream.detection = detection
        self._streams[detection] = stream

    def hear_words(self, stream: DetectedStream, text: str | None, *, is_final: bool) -> None:
        """A recogniser has heard this on a leg; None: it has gone."""
        detection = stream.detection
        if isinstance(detection, Detection):
            detection.hear_words(text, is_final=is_final)

    def stop(self, stream: DetectedStream) -> None:
        """Listen to a leg no more. No event of it follows."""
        detection = stream.detection
        stream.detection = None
        if isinstance(detection, Detection):
            detection.is_stopped = True
            self._streams.pop(detection, None)

    def frame(self, now: float) -> None:
        """To be called about every 20 ms: a leg may be silent because no packets come."""
        if self._streams and now - self._told_at >= TELL_TIME_S:
            self._told_at = now
            each_alone(
                tuple(self._streams),
                lambda detection: detection.advance(now),
                self._failed,
            )

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(1.0)

    def _run(self) -> None:
        assert self._loop is not None
        go_first(Turn.HELPER)
        while (work := self._work.get()) is not None:
            each_alone([work], self._look, lambda work: self._tell(work[0], self._failed))

    def _look(self, work: _Work) -> None:
        """In the thread: let a detector have what has come."""
        detection, carry_out = work
        if detection.is_stopped:
            return
        found = carry_out(detection.detector)
        is_over = detection.detector.is_over
        if found or is_over:
            self._tell(detection, lambda detection: self._found(detection, found, is_over))

    def _tell(self, detection: Detection, act: Callable[[Detection], None]) -> None:
        """In the thread: have this done on the loop."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(act, detection)
        except RuntimeError:  # the loop is closed: the worker ends
            detection.is_stopped = True

    def _failed(self, detection: Detection) -> None:
        """It cannot be told who speaks on this leg."""
        stream = self._streams.get(detection)
        if stream is not None:
            self.stop(stream)
            self._report(m.Detected(detection.leg, "unknown", 0, "stopped"))

    def _found(self, detection: Detection, found: list[Finding], is_over: bool) -> None:
        stream = self._streams.get(detection)
        if stream is None:  # stopped meanwhile
            return
        for one in found:
            self._report(_event(detection.leg, one))
        if is_over:  # the detector itself may be further: what it found last is under way
            self.stop(stream)


def _event(leg: str, found: Finding) -> m.Event:
    match found:
        case Verdict():
            return m.Detected(
                leg, found.label, found.after_ms, found.reason, found.greeting_ms, found.phrases
            )
        case Beep():
            return m.BeepHeard(leg, found.after_ms, found.duration_ms, found.hz)
        case _:
            return m.MachineSuspected(leg, found.after_ms, found.reason)
