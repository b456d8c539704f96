"""The recording of a call: its announcement, its pauses, and that its failure is survived."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from engine.calls.announcing.whisper import Announcer
from engine.calls.call import Call
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg
from engine.calls.legs.leg_events import LegEvents
from engine.calls.legs.leg_listener import LegListener
from engine.calls.recording import recording_notice
from engine.calls.recording.recording import CallRecording
from engine.errors import EngineError
from engine.recordings import library as library_module
from engine.recordings.entry import RecordingOrder, Side
from engine.store.errors import StoreError
from media.errors import MediaError
from media.protocol.messages import RecordingEnded
from media.sound.prompt_files import PromptError
from media.sources import Prompt, Source
from tests.support.scene import Scene, ScriptedSpeech, scene
from tests.support.virtual_loop import run


class Party:
    """Stands in for a leg."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.heard: list[Source] = []
        self.listens = True
        self.is_taken_over = False
        self.hangup_cause: HangupCause | None = None
        self.listeners: list[LegListener] = []

    def listen(self, listener: LegListener) -> None:
        self.listeners.append(listener)

    def forget(self, listener: LegListener) -> None:
        self.listeners.remove(listener)

    def ends(self) -> None:
        """Its party has hung up."""
        for listener in tuple(self.listeners):
            listener.leg_ended(cast(Leg, self))

    def replaced(self) -> None:
        """Another party takes the place of this one."""
        for listener in tuple(self.listeners):
            listener.leg_replaced(cast(Leg, self))

    async def play(self, source: Source, *, limit_s: float) -> bool:
        self.heard.append(source)
        await asyncio.sleep(2.0)
        return self.listens


class Talk:
    """A talk of two that is recorded, and what is published of it."""

    def __init__(self, stage: Scene) -> None:
        self.stage = stage
        self.agent, self.customer = Party("a"), Party("b")
        self.third: Party | None = None
        self.is_over = False
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.paths: list[str | None] = []
        self.rearranged = 0
        call = Call("call-1", "job-1", about={"agent": "alice", "queue": "sales"})
        self.recorded = CallRecording(call, stage.services, self)

    @property
    def kinds(self) -> list[str]:
        return [kind.removeprefix("recording.") for kind, _fields in self.events]

    def recorded_legs(self, side: Side) -> tuple[Leg, Leg | None]:
        if self.is_over:
            raise EngineError("state", "agent and customer do not talk now")
        agent, customer = cast(Leg, self.agent), cast(Leg, self.customer)
        if side == "both":
            return agent, customer
        return (agent if side == "agent" else customer), None

    def listeners(self) -> Sequence[Leg]:
        assert not self.is_over
        found = [self.agent, self.customer, *([] if self.third is None else [self.third])]
        return [cast(Leg, one) for one in found]

    def hear_again(self) -> None:
        self.rearranged += 1

    def publish(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))

    def on_recording(self, path: str | None) -> None:
        self.paths.append(path)


def announced(stage: Scene, text: str) -> None:
    library = stage.services.recordings
    library.settings = library.settings.model_copy(update={"announcement": text})


def test_the_file_is_named_after_the_call_and_its_digest_published(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        await talk.recorded.start()
        await talk.recorded.start()  # it is recorded already
        path = str(tmp_path / "recordings" / "call-1.wav")
        assert talk.paths == [path]
        assert stage.media.recorded == [("a", "b", path)]
        await talk.recorded.stop()
        assert await talk.recorded.stop() is None
        assert stage.media.stopped == ["a"]
        assert talk.kinds == ["started", "ended"]
        ended = talk.events[-1][1]
        assert (ended["bytes"], ended["duration_s"], len(ended["sha256"])) == (3244, 0.1, 64)
        assert talk.paths == [path]
        assert stage.services.registry.recordings == {}
        assert talk.agent.listeners == talk.customer.listeners == []

    run(script())


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied"), StoreError("io", "the store cannot be read")],
)
def test_a_directory_that_cannot_be_read_costs_the_recording_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)

        def fails(*_args: Any, **_named: Any) -> None:
            raise error

        monkeypatch.setattr(library_module, "free_path", fails)
        await talk.recorded.start()
        assert talk.recorded.entry is None
        assert (talk.kinds, talk.paths) == (["failed"], [None])
        assert talk.events[0][1]["reason"].endswith(("Permission denied", "cannot be read"))
        with pytest.raises(EngineError, match=r"recording\.failed"):
            await talk.recorded.start_by_command(RecordingOrder())

    run(script())


def test_a_file_that_cannot_be_made(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        stage.media.records = False
        talk = Talk(stage)
        await talk.recorded.start()
        await talk.recorded.stop()
        assert talk.kinds == ["failed"]
        assert talk.paths == [None]
        assert stage.store.documents == {}
        with pytest.raises(EngineError, match="it is not recorded") as refused:
            await talk.recorded.start_by_command(RecordingOrder())
        assert refused.value.kind == "unavailable"

    run(script())


def test_a_file_that_cannot_be_written_on_is_not_given(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        events = LegEvents(stage.services.registry, stage.services.events)
        await talk.recorded.start()
        (path,) = talk.paths
        assert path is not None
        events.on_media(RecordingEnded(path, f"{path}: No space left on device"))
        assert talk.paths == [path, None]
        talk.recorded.over(RecordingEnded(path, "said twice"))
        await talk.recorded.stop()
        assert stage.media.stopped == []
        assert talk.kinds == ["started", "failed"]
        failed = talk.events[-1][1]
        assert (failed["path"], failed["duration_s"], failed["bytes"]) == (path, 0.1, 3244)
        assert failed["reason"].endswith("No space left on device")
        # One whose call is over is published all the same.
        events.on_media(RecordingEnded(path, "the disk is full"))
        assert talk.paths == [path, None]
        assert stage.last("recording.failed")["reason"] == "the disk is full"

    run(script())


def test_a_recording_of_a_worker_that_was_killed_says_so_and_what_was_kept(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        events = LegEvents(stage.services.registry, stage.services.events)
        await talk.recorded.start()
        events.on_media_died("media worker 7: killed by SIGKILL", ["a", "b"])
        talk.recorded.cut()  # its legs have ended
        await talk.recorded.stop()
        assert talk.kinds == ["started", "failed"]
        failed = talk.events[-1][1]
        assert failed["reason"] == "media worker 7: killed by SIGKILL"
        assert (failed["bytes"], len(failed["sha256"])) == (3244, 64)

    run(script())


def test_a_recording_that_ends_with_its_leg_is_completed(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        await talk.recorded.start()
        entry = talk.recorded.entry
        assert entry is not None
        talk.recorded.over(RecordingEnded(entry.path, None, 0.2, 3244))
        await stage.services.recordings.completed(entry)
        assert talk.kinds == ["started", "ended"]

    run(script())


def test_a_recording_ends_before_the_leg_that_has_it_is_closed(tmp_path: Path) -> None:
    async def script() -> None:
        talk = Talk(scene(tmp_path))
        await talk.recorded.start()
        talk.customer.ends()
        await asyncio.sleep(0)
        assert talk.stage.media.stopped == []
        talk.agent.ends()
        await asyncio.sleep(0)
        assert talk.stage.media.stopped == ["a"]
        await talk.recorded.stop()
        assert talk.kinds == ["started", "ended"]

    run(script())


@pytest.mark.parametrize("at_once", [False, True])
def test_a_file_that_cannot_be_completed_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    def gone(_leg: str) -> None:
        raise MediaError("the leg is gone")

    async def refused(_leg: str) -> None:
        raise MediaError("No space left on device")

    async def script() -> None:
        stage = scene(tmp_path)
        monkeypatch.setattr(stage.media, "stop_recording", gone if at_once else refused)
        talk = Talk(stage)
        await talk.recorded.start()
        await talk.recorded.stop()
        assert talk.kinds == ["started", "failed"]
        assert talk.paths[-1] is None

    run(script())


def test_a_call_that_ends_while_the_file_is_made_keeps_what_there_is(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        stage.media.record_takes_s = 10.0
        talk = Talk(stage)
        starting = asyncio.ensure_future(talk.recorded.start())
        await asyncio.sleep(1.0)
        starting.cancel()
        await asyncio.wait([starting])
        await talk.recorded.stop()
        assert talk.kinds == ["started", "ended"]

    run(script())


def test_pauses_are_marked_and_counted(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        for change in (talk.recorded.pause, talk.recorded.resume):
            with pytest.raises(EngineError, match="is not being recorded"):
                await change()
        await talk.recorded.start()
        with pytest.raises(EngineError, match="is not paused"):
            await talk.recorded.resume()
        await talk.recorded.pause("card number")
        await talk.recorded.pause()  # by another, who does not know of the first
        await talk.recorded.resume()
        await talk.recorded.resume("over")
        entry = talk.recorded.entry
        assert entry is not None
        assert stage.media.paused == [("a", True), ("a", False)]
        assert talk.kinds == ["started", "paused", "resumed"]
        assert [(one.kind, one.at_s, one.reason) for one in entry.marks] == [
            ("paused", 1.0, "card number"),
            ("resumed", 2.0, "over"),
        ]
        assert [fields["at_s"] for _kind, fields in talk.events[1:]] == [1.0, 2.0]
        await talk.recorded.stop()
        assert talk.events[-1][1]["marks"] == entry.marks

    run(script())


def test_what_begins_to_be_recorded_while_a_secret_is_keyed_in_is_silent(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        async with talk.recorded.silenced("secret keys"):
            await talk.recorded.start()
            assert talk.kinds == ["started", "paused"]
            await talk.recorded.stop()
            await talk.recorded.start()  # the next one of the same call
            assert stage.media.paused == [("a", True), ("a", True)]
        assert stage.media.paused[2:] == [("a", False)]
        assert talk.kinds == ["started", "paused", "ended", "started", "paused", "resumed"]
        entry = talk.recorded.entry
        assert entry is not None
        assert [(one.kind, one.reason) for one in entry.marks] == [
            ("paused", "secret keys"),
            ("resumed", "secret keys"),
        ]

    run(script())


def test_nobody_resumes_a_recording_while_a_secret_is_told(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        await talk.recorded.start()
        async with talk.recorded.silenced("secret keys"):
            with pytest.raises(EngineError, match="a secret is told") as refused:
                await talk.recorded.resume()
            assert refused.value.kind == "state"
            await talk.recorded.pause("by command")
            await talk.recorded.resume("by command")  # which ends their own pause alone
            assert stage.media.paused == [("a", True)]
            await talk.recorded.pause("by command")
        assert stage.media.paused == [("a", True)]
        await talk.recorded.resume("by command")
        assert stage.media.paused == [("a", True), ("a", False)]

    run(script())


def test_a_recording_that_is_just_beginning_is_silenced_once(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        stage.media.record_takes_s = 1.0
        talk = Talk(stage)
        starting = asyncio.ensure_future(talk.recorded.start())
        await asyncio.sleep(0.5)
        async with talk.recorded.silenced("secret keys"):
            await starting
            assert stage.media.paused == [("a", True)]
        assert stage.media.paused == [("a", True), ("a", False)]

    run(script())


def test_nothing_of_a_secret_is_recorded_while_the_file_is_made(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        stage.media.record_takes_s = 1.0
        talk = Talk(stage)
        async with talk.recorded.silenced("secret keys"):
            starting = asyncio.ensure_future(talk.recorded.start())
            await asyncio.sleep(0.1)
            assert stage.media.paused == [("a", True)]  # and it is not answered
            async with talk.recorded.silenced("more secret keys"):
                await asyncio.sleep(0.1)
            assert stage.media.paused == [("a", True)]
            assert talk.kinds == []
        assert stage.media.paused == [("a", True), ("a", False)]
        await starting
        assert talk.kinds == ["started", "paused", "resumed"]
        assert [fields.get("at_s") for _kind, fields in talk.events] == [None, 0.0, 2.0]
        await talk.recorded.stop()

    run(script())


def test_a_secret_while_the_legs_are_linked_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        record = stage.media.record

        async def linked(*args: Any, **named: Any) -> None:
            await asyncio.sleep(1.0)
            await record(*args, **named)

        monkeypatch.setattr(stage.media, "record", linked)
        talk = Talk(stage)
        starting = asyncio.ensure_future(talk.recorded.start())
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError, match="is not being recorded"):
            await talk.recorded.pause()  # the worker knows of nothing
        async with talk.recorded.silenced("secret keys"):
            await asyncio.sleep(0.1)
        async with talk.recorded.silenced("secret keys"):
            await starting
            assert stage.media.paused == [("a", True)]
        assert stage.media.paused == [("a", True), ("a", False)]
        assert talk.kinds == ["started", "paused", "resumed"]

    run(script())


def test_silence_that_outlives_a_recording_resumes_nothing(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        await talk.recorded.start()
        async with talk.recorded.silenced("secret keys"):
            await talk.recorded.stop()
        assert stage.media.paused == [("a", True)]
        assert talk.kinds == ["started", "paused", "ended"]

    run(script())


def test_a_worker_that_is_gone_pauses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_leg: str, *, pauses: bool) -> None:
        raise MediaError("the media worker died")

    async def script() -> None:
        stage = scene(tmp_path)
        monkeypatch.setattr(stage.media, "pause_recording", refused)
        talk = Talk(stage)
        await talk.recorded.start()
        for _ in range(2):  # the first left nothing behind
            with pytest.raises(EngineError, match="the media worker died"):
                await talk.recorded.pause()
        assert talk.kinds == ["started"]

    run(script())


def test_both_hear_the_announcement_before_anything_is_recorded(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        announced(stage, "This call is recorded.")
        talk = Talk(stage)
        entry = await talk.recorded.start_by_command(RecordingOrder(format="flac", side="agent"))
        assert (entry.format, entry.channels, entry.side) == ("flac", 1, "agent")
        assert len(talk.agent.heard) == len(talk.customer.heard) == 1
        assert talk.rearranged == 1
        assert stage.media.recorded == [("a", "", str(entry.written))]
        with pytest.raises(EngineError, match="is being recorded"):
            await talk.recorded.start_by_command(RecordingOrder())

    run(script())


@pytest.mark.parametrize("why", ["not heard", "not spoken", "is cut"])
def test_without_its_announcement_nothing_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def check(path: str) -> None:
        if why == "is cut":
            raise PromptError(path, "is cut off")

    monkeypatch.setattr(recording_notice, "check_prompt", check)

    async def script() -> None:
        stage = scene(tmp_path)
        speech = ScriptedSpeech()
        speech.fails = True
        stage.services.announcer = cast(Announcer, speech)
        talk = Talk(stage)
        if why == "not heard":
            talk.customer.listens = False
        said = "This call is recorded." if why == "not spoken" else "file:/gong.wav"
        with pytest.raises(EngineError, match="is not recorded"):
            await talk.recorded.start_by_command(RecordingOrder(announcement=said))
        assert stage.media.recorded == []
        assert talk.kinds == ["failed"]
        assert why.split()[1] in talk.events[0][1]["reason"]
        assert talk.rearranged == 1

    run(script())


def test_parties_that_change_while_it_is_announced_are_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_notice, "check_prompt", lambda _path: None)

    async def script() -> None:
        stage = scene(tmp_path)
        talk = Talk(stage)
        order = RecordingOrder(announcement="file:/gong.wav")
        starting = asyncio.ensure_future(talk.recorded.start_by_command(order))
        await asyncio.sleep(1.0)
        with pytest.raises(EngineError, match="is being recorded"):
            await talk.recorded.start_by_command(RecordingOrder())
        talk.customer = Party("c")
        with pytest.raises(EngineError, match="the parties have changed"):
            await starting
        assert stage.media.recorded == []

    run(script())


@pytest.mark.parametrize(
    ("has_heard", "reply"), [(True, "do not talk now"), (False, "is not recorded")]
)
def test_a_talk_that_ends_while_it_is_announced_is_not_recorded(
    tmp_path: Path, has_heard: bool, reply: str
) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        announced(stage, "This call is recorded.")
        stage.services.announcer = cast(Announcer, ScriptedSpeech())
        talk = Talk(stage)
        talk.customer.listens = has_heard
        starting = asyncio.ensure_future(talk.recorded.start_by_command(RecordingOrder()))
        await asyncio.sleep(1.0)
        talk.is_over = True
        with pytest.raises(EngineError, match=reply):
            await starting
        assert stage.media.recorded == []

    run(script())


async def recorded_talk(stage: Scene, text: str = "This call is recorded.") -> Talk:
    """A talk whose two parties have heard that it is recorded."""
    announced(stage, text)
    stage.services.announcer = cast(Announcer, ScriptedSpeech())
    talk = Talk(stage)
    await talk.recorded.start_by_command(RecordingOrder())
    return talk


def test_who_joins_later_hears_once_that_the_call_is_recorded(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk, third = await recorded_talk(stage), Party("c")
        assert not talk.recorded.must_tell(cast(Leg, talk.agent))
        assert talk.recorded.must_tell(cast(Leg, third))
        await talk.recorded.tell_or_end(cast(Leg, third))
        assert third.heard == [Prompt("This call is recorded.")]
        assert not talk.recorded.must_tell(cast(Leg, third))
        assert talk.kinds == ["started"]
        await talk.recorded.stop()
        assert third.listeners == []
        assert not talk.recorded.must_tell(cast(Leg, Party("d")))

    run(script())


def test_where_who_joins_does_not_hear_of_the_recording_it_ends(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk, third = await recorded_talk(stage), Party("c")
        third.listens = False
        await talk.recorded.tell_or_end(cast(Leg, third))
        assert talk.kinds == ["started", "ended"]
        assert talk.events[-1][1]["reason"] == "leg c has not heard that the call is recorded"
        assert talk.recorded.entry is None and not talk.recorded.is_wanted

    run(script())


def test_who_hangs_up_instead_of_joining_ends_no_recording(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk, third = await recorded_talk(stage), Party("c")
        third.listens, third.hangup_cause = False, HangupCause("hung_up", "BYE")
        await talk.recorded.tell_or_end(cast(Leg, third))
        assert talk.kinds == ["started"]
        await talk.recorded.stop()

    run(script())


def test_who_comes_while_it_is_announced_is_not_recorded(tmp_path: Path) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        announced(stage, "This call is recorded.")
        stage.services.announcer = cast(Announcer, ScriptedSpeech())
        talk = Talk(stage)
        starting = asyncio.ensure_future(talk.recorded.start_by_command(RecordingOrder()))
        await asyncio.sleep(1.0)
        talk.third = Party("c")
        with pytest.raises(EngineError, match="the parties have changed"):
            await starting
        assert stage.media.recorded == []

    run(script())


@pytest.mark.parametrize(
    ("text", "is_taken_over", "goes_on"),
    [
        ("This call is recorded.", False, False),
        ("This call is recorded.", True, True),
        ("", False, True),
    ],
)
def test_another_party_on_a_leg_has_not_heard_of_the_recording(
    tmp_path: Path, text: str, is_taken_over: bool, goes_on: bool
) -> None:
    async def script() -> None:
        stage = scene(tmp_path)
        talk = await recorded_talk(stage, text)
        talk.customer.is_taken_over = is_taken_over
        talk.customer.replaced()
        await asyncio.sleep(1.0)
        assert (talk.recorded.entry is not None) is goes_on
        await talk.recorded.stop()

    run(script())
