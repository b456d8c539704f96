"""Legs are listened to in a thread; the events come on the loop."""

import asyncio
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import cast

import numpy as np

from media.detection.answer_detector import AnswerDetector
from media.detection_phrases import BUILT_IN
from media.protocol import messages as m
from media.sound.g711 import encode
from media.worker.detecting.detections import (
    MOST_WAITING,
    Detection,
    Detections,
    _Work,
)
from media.worker.detecting.ordered_sound import SoundPacket
from media.worker.detecting.taps import PacketTap
from tests.media.detection.recorded_answers import answers
from tests.support.detection_limits import usual_limits
from tests.support.voices import tone, voice

DEADLINE_S = 60.0
LOSS = 0.05


@dataclass
class Stream:
    detection: PacketTap | None = None
    settled: int = 0

    def settle(self) -> None:
        self.settled += 1


@dataclass
class Reports:
    events: list[m.Answer | m.Event] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: m.Answer | m.Event) -> None:
        self.events.append(event)
        self.came.set()

    async def until(self, kind: type) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not any(isinstance(one, kind) for one in self.events):
                self.came.clear()
                await self.came.wait()


def say(stream: Stream, *parts: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
    """The parts from the time 10 on."""
    assert stream.detection is not None
    sound = encode(np.concatenate(parts), "PCMA")
    for number in range(len(sound) // 160):
        payload = sound[number * 160 : number * 160 + 160]
        packet = SoundPacket(1, number, "PCMA", payload)
        stream.detection.hear(packet, 10.0 + (number + 1) * 0.02)


def quiet(seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.zeros(int(seconds * 8000), np.int16)


async def test_a_person_is_reported_and_not_listened_to_any_more() -> None:
    reports, stream = Reports(), Stream()
    detections = Detections(reports)
    detections.start("a", stream, usual_limits(), 10.0)
    assert stream.settled == 1
    say(stream, quiet(0.3), voice(0.4), quiet(1.0))
    await reports.until(m.Detected)
    (verdict,) = reports.events
    assert isinstance(verdict, m.Detected)
    assert (verdict.leg, verdict.label, verdict.reason) == ("a", "human", "short_greeting")
    assert stream.detection is None
    detections.close()


async def test_a_mailbox_is_suspected_beeps_and_is_reported() -> None:
    reports, stream = Reports(), Stream()
    detections = Detections(reports)
    detections.start("a", stream, usual_limits(), 10.0)
    breath = np.concatenate([voice(0.5), quiet(0.08)] * 8)
    say(stream, breath, quiet(0.5), tone(1000.0, 0.5), quiet(0.5))
    await reports.until(m.Detected)
    kinds = [type(one) for one in reports.events]
    assert kinds == [m.MachineSuspected, m.BeepHeard, m.Detected]
    detections.close()


async def test_what_a_recogniser_hears_counts() -> None:
    reports, stream = Reports(), Stream()
    detections = Detections(reports)
    detections.hear_words(stream, "press one", is_final=True)  # nobody listens yet
    detections.start("a", stream, usual_limits(), 10.0, BUILT_IN["en"])
    breath = np.concatenate([voice(0.5), quiet(0.08)] * 4)
    say(stream, breath)
    detections.hear_words(stream, "for sales press one", is_final=True)
    await reports.until(m.Detected)
    (verdict,) = reports.events
    assert isinstance(verdict, m.Detected)
    assert (verdict.label, verdict.reason) == ("ivr", "words")
    detections.start("a", stream, usual_limits(), 10.0, BUILT_IN["en"])
    detections.hear_words(stream, None, is_final=True)
    say(stream, breath[:8000], quiet(2.0))
    async with asyncio.timeout(DEADLINE_S):
        while stream.detection is not None:
            reports.came.clear()
            await reports.came.wait()
    verdict = reports.events[-1]
    assert isinstance(verdict, m.Detected) and verdict.label == "human"
    detections.close()


async def test_no_packets_are_silence() -> None:
    reports, stream = Reports(), Stream()
    detections = Detections(reports)
    detections.start("a", stream, usual_limits(initial_silence_ms=1000), 10.0)
    detections.frame(10.9)
    detections.frame(12.0)
    await reports.until(m.Detected)
    assert [one.label for one in reports.events if isinstance(one, m.Detected)] == ["silence"]
    detections.close()


async def test_what_was_stopped_reports_nothing() -> None:
    reports, first, second = Reports(), Stream(), Stream()
    detections = Detections(reports)
    detections.start("a", first, usual_limits(), 10.0)
    tap = first.detection
    assert tap is not None
    detections.stop(first)
    assert first.detection is None
    tap.hear(SoundPacket(1, 0, "PCMU", b"\x00" * 160), 60.0)
    detections.start("b", second, usual_limits(initial_silence_ms=500), 10.0)
    detections.frame(20.0)
    await reports.until(m.Detected)
    assert [one.leg for one in reports.events if isinstance(one, m.Detected)] == ["b"]
    detections.stop(Stream())  # nothing to stop
    detections.close()


async def test_a_thread_that_is_behind_is_given_no_more() -> None:
    detections, stream = Detections(Reports()), Stream()
    detections._thread = object()  # type: ignore[assignment]  # none takes what is put down
    detections.start("a", stream, usual_limits(), 10.0)
    assert stream.detection is not None
    for _ in range(MOST_WAITING + 10):
        stream.detection.hear(SoundPacket(1, 0, "PCMU", b""), 10.0)
    assert detections._work.qsize() == MOST_WAITING


async def test_a_detector_that_fails_ends_one_detection_and_the_others_go_on() -> None:
    reports, bad, good = Reports(), Stream(), Stream()
    detections = Detections(reports)
    detections.start("bad", bad, usual_limits(), 10.0)
    detections.start("good", good, usual_limits(), 10.0)
    assert bad.detection is not None
    bad.detection.hear(cast(SoundPacket, None), 10.02)
    say(good, quiet(0.3), voice(0.4), quiet(1.0))
    async with asyncio.timeout(DEADLINE_S):
        while len(reports.events) < 2:
            reports.came.clear()
            await reports.came.wait()
    found = [(one.leg, one.label) for one in reports.events if isinstance(one, m.Detected)]
    assert found == [("bad", "unknown"), ("good", "human")]
    assert bad.detection is None
    detections.close()


async def test_one_that_cannot_be_told_the_time_ends_alone() -> None:
    reports, bad, good = Reports(), Stream(), Stream()
    detections = Detections(reports)
    for name, stream in (("bad", bad), ("good", good)):
        detections.start(name, stream, usual_limits(), 10.0)
    assert isinstance(bad.detection, Detection)
    del bad.detection._work
    detections.frame(11.0)
    assert reports.events == [m.Detected("bad", "unknown", 0, "stopped")]
    assert bad.detection is None and good.detection is not None
    detections.close()


def test_a_twentieth_of_the_packets_may_be_lost() -> None:
    """What is lost takes its time: left out, it brings what was said too close together."""
    rng = np.random.default_rng(3)
    found, wanted = [], []
    for name, sound in [*answers().items()] * 3:
        work: SimpleQueue[_Work | None] = SimpleQueue()
        detector = AnswerDetector(usual_limits(), 0.0)
        detection = Detection("a", detector, work)
        payloads = np.split(sound[: len(sound) // 160 * 160], len(sound) // 160)
        for number, piece in enumerate(payloads):
            now = (number + 1) * 0.02
            if rng.random() >= LOSS:
                packet = SoundPacket(1, number, "PCMA", encode(piece, "PCMA"))
                detection.hear(packet, now)
            if number % 5 == 0:
                detection.advance(now)
        detection.advance(len(payloads) * 0.02 + 4.0)
        while not work.empty():
            item = work.get()
            assert item is not None
            item[1](detector)
        assert detector.verdict is not None
        found.append(detector.verdict.label)
        wanted.append(name.split("-")[0])
    assert found == wanted
