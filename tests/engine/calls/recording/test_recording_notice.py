"""What is said of a recording is heard by each party once."""

import asyncio
from collections.abc import Sequence
from typing import cast

from engine.calls.announcing.whisper import Announcer
from engine.calls.leg import Leg
from engine.calls.recording.recording_notice import RecordingNotice
from media.sources import Prompt, Source
from tests.support.scene import ScriptedSpeech


class Party:
    """Stands in for a leg."""

    def __init__(self, name: str, *, listens: bool = True) -> None:
        self.id = name
        self.listens = listens
        self.heard: list[Source] = []

    async def play(self, source: Source, *, limit_s: float) -> bool:
        self.heard.append(source)
        return self.listens


def give(notice: RecordingNotice, *parties: Party) -> str | None:
    return asyncio.run(notice.give(cast(Sequence[Leg], parties)))


def notice(text: str) -> RecordingNotice:
    return RecordingNotice(text, cast(Announcer, ScriptedSpeech()))


def test_each_hears_it_once() -> None:
    said, one, two = notice("Recorded."), Party("a"), Party("b")
    assert give(said, one) is None
    assert give(said, one, two) is None
    assert one.heard == two.heard == [Prompt("Recorded.")]
    assert not said.is_due(cast(Leg, one))


def test_who_has_not_heard_it_is_told_again() -> None:
    said, one, two = notice("Recorded."), Party("a", listens=False), Party("b")
    assert give(said, one, two) == "the announcement was not heard to its end"
    assert said.is_due(cast(Leg, one)) and not said.is_due(cast(Leg, two))
    one.listens = True
    assert give(said, one, two) is None
    assert (len(one.heard), len(two.heard)) == (2, 1)


def test_where_nothing_is_to_be_said_nobody_is_told() -> None:
    said, one = notice(""), Party("a")
    assert said.is_empty and not said.is_due(cast(Leg, one))
    assert give(said, one) is None and one.heard == []


def test_a_file_that_is_gone_is_heard_by_nobody() -> None:
    said, one = notice("file:/nowhere/at/all.wav"), Party("a")
    reason = give(said, one)
    assert reason is not None and "cannot be spoken" in reason and one.heard == []
